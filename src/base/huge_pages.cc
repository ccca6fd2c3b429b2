#include "base/huge_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace parapet {

void prefer_huge_pages(const void* address, std::size_t bytes) {
  if (bytes < kHugePage) return;
  // From the page on that the first byte lies in: what else lies there may have the same wish.
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const std::uintptr_t begin = at / page * page;
  (void)::madvise(reinterpret_cast<void*>(begin), at + bytes - begin, MADV_HUGEPAGE);
}

}  // namespace parapet
