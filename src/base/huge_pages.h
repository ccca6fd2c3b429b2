// Memory that is read at full speed lies on large pages: with 4 KiB each, finding the pages costs a
// fifth of the bandwidth (docs/performance.md).
#pragma once

#include <cstddef>

namespace parapet {

// The size of one on every processor that we know; memory must be aligned to it to lie on them.
inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Asks for large pages under these bytes, of private memory or of a mapped file. A wish: a system
// that has none, or a file that is in memory on small ones already, leaves all as it is.
void prefer_huge_pages(const void* address, std::size_t bytes);

}  // namespace parapet
