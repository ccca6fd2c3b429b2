#include "checkpoint/anonymous_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/huge_pages.h"
#include "base/memory.h"

namespace parapet {

Result<AnonymousMemory> AnonymousMemory::reserve(std::uint64_t bytes) {
  if (bytes == 0) return AnonymousMemory({});
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) {
    return Error{ErrorCode::kResourceExhausted,
                 "cannot reserve " + std::to_string(bytes) + " bytes: " + std::strerror(errno)};
  }
  prefer_huge_pages(address, bytes);
  return AnonymousMemory({static_cast<std::byte*>(address), bytes});
}

AnonymousMemory::AnonymousMemory(AnonymousMemory&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})) {}

AnonymousMemory& AnonymousMemory::operator=(AnonymousMemory&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

AnonymousMemory::~AnonymousMemory() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

void drop_pages(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uintptr_t first = (begin + page - 1) / page * page;
  const std::uintptr_t last = (begin + bytes.size()) / page * page;
  // A refusal costs memory, nothing else.
  if (first < last) (void)::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

Status check_memory_for(const char* what, std::uint64_t bytes) {
  const std::uint64_t available = available_memory();
  if (bytes <= available) return {};
  return Error{ErrorCode::kResourceExhausted,
               std::string(what) + ": " + std::to_string(bytes) + " bytes are needed, " +
                   std::to_string(available) + " bytes of memory are available"};
}

}  // namespace parapet
