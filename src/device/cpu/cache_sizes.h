// Sizes of the caches that blocks of work are cut for. Only speed depends on them.
#pragma once

#include <cstdint>

namespace parapet::cpu {

// Bytes of a core's data caches.
struct CacheSizes {
  std::int64_t first_level;
  std::int64_t second_level;
};

// Of the core that asks first, within what is plausible; where the system tells nothing, as in some
// virtual machines and on some Arm systems, the smallest of common processors.
const CacheSizes& cache_sizes();

// The same of what the system tells, which may be 0 or -1.
CacheSizes plausible_cache_sizes(std::int64_t first_level, std::int64_t second_level);

}  // namespace parapet::cpu
