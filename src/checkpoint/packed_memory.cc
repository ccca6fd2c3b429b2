#include "checkpoint/packed_memory.h"

#include <utility>

#include "base/check.h"

namespace parapet {
namespace {

std::uint64_t code_bytes(const PackedShape& shape) {
  return static_cast<std::uint64_t>(shape.code_bytes());
}
std::uint64_t scale_bytes(const PackedShape& shape) {
  return static_cast<std::uint64_t>(shape.num_scales()) * sizeof(std::uint16_t);
}

}  // namespace

std::uint64_t packed_bytes(const PackedShape& shape) {
  return code_bytes(shape) + scale_bytes(shape);
}

Result<PackedMemory> PackedMemory::reserve(std::span<const PackedShape> shapes) {
  std::uint64_t bytes = 0;
  for (const PackedShape& shape : shapes) {
    bytes += aligned_size(code_bytes(shape)) + aligned_size(scale_bytes(shape));
  }
  PARAPET_TRY(check_memory_for("quantized weights", bytes));
  PARAPET_ASSIGN(AnonymousMemory memory, AnonymousMemory::reserve(bytes));
  std::vector<PackedBuffer> buffers;
  std::byte* next = memory.bytes().data();
  for (const PackedShape& shape : shapes) {
    PackedBuffer& buffer = buffers.emplace_back(PackedBuffer{.shape = shape});
    buffer.codes = reinterpret_cast<std::uint8_t*>(next);
    next += aligned_size(code_bytes(shape));
    buffer.scales = reinterpret_cast<std::uint16_t*>(next);
    next += aligned_size(scale_bytes(shape));
  }
  return PackedMemory{std::move(memory), std::move(buffers)};
}

}  // namespace parapet
