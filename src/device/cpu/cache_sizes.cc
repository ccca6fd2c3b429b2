#include "device/cpu/cache_sizes.h"

#include <unistd.h>

#include <algorithm>

namespace parapet::cpu {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr CacheSizes kSmallest = {.first_level = 32 * kKiB, .second_level = 512 * kKiB};
constexpr CacheSizes kLargest = {.first_level = 128 * kKiB, .second_level = 4096 * kKiB};

}  // namespace

CacheSizes plausible_cache_sizes(std::int64_t first_level, std::int64_t second_level) {
  return {.first_level = std::clamp(first_level, kSmallest.first_level, kLargest.first_level),
          .second_level = std::clamp(second_level, kSmallest.second_level, kLargest.second_level)};
}

const CacheSizes& cache_sizes() {
  static const CacheSizes sizes =
      plausible_cache_sizes(::sysconf(_SC_LEVEL1_DCACHE_SIZE), ::sysconf(_SC_LEVEL2_CACHE_SIZE));
  return sizes;
}

}  // namespace parapet::cpu
