// Memory of this process alone, in the sizes of whole models.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "parapet/error.h"

namespace parapet {

// A cache line, and the widest vector: what tensors in such memory are aligned to.
inline constexpr std::uint64_t kTensorAlignment = 64;
constexpr std::uint64_t aligned_size(std::uint64_t bytes) {
  return (bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
}

// Zero until written; pages are taken as they are touched.
class AnonymousMemory {
 public:
  static Result<AnonymousMemory> reserve(std::uint64_t bytes);

  AnonymousMemory(AnonymousMemory&& other) noexcept;
  AnonymousMemory& operator=(AnonymousMemory&& other) noexcept;
  AnonymousMemory(const AnonymousMemory&) = delete;
  AnonymousMemory& operator=(const AnonymousMemory&) = delete;
  ~AnonymousMemory();

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit AnonymousMemory(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

// Gives the whole pages inside these bytes back to the system. Those of a file come back when they
// are read again; those of AnonymousMemory are zero from now on.
void drop_pages(std::span<const std::byte> bytes);

// An Error that names `what` where so many bytes are more than this process may take.
Status check_memory_for(const char* what, std::uint64_t bytes);

}  // namespace parapet
