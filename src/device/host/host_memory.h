// Host memory for backends that compute on the host's own processor.
#pragma once

#include <cstddef>
#include <memory>

#include "device/device.h"
#include "parapet/error.h"

namespace parapet {

// A cache line, and the widest vector of any ISA: no aligned vector straddles two lines.
inline constexpr std::size_t kHostAlignment = 64;

struct AlignedDelete {
  void operator()(std::byte* bytes) const;
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;

// Null where the system has no such memory.
AlignedBytes try_allocate_aligned(std::size_t bytes);
// Throws std::bad_alloc.
AlignedBytes allocate_aligned(std::size_t bytes);

// Memory that a device allocated, its content undefined.
Result<std::unique_ptr<Buffer>> allocate_host_buffer(std::size_t bytes);
// Memory of someone else, who keeps it alive.
std::unique_ptr<Buffer> alias_host_memory(void* data, std::size_t bytes);

// Scratch that grows to the largest size ever asked for and is then reused.
class Workspace {
 public:
  // At least `count` floats; what they held before is lost. Throws std::bad_alloc.
  float* floats(std::size_t count);

 private:
  AlignedBytes bytes_;
  std::size_t capacity_ = 0;
};

}  // namespace parapet
