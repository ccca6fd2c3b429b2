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

PackedBuffer carve(std::span<std::byte>& memory, const PackedShape& shape) {
  const std::uint64_t codes = aligned_size(code_bytes(shape));
  const std::uint64_t scales = aligned_size(scale_bytes(shape));
  PARAPET_CHECK(codes + scales <= memory.size());
  const PackedBuffer buffer{shape, reinterpret_cast<std::uint8_t*>(memory.data()),
                            reinterpret_cast<std::uint16_t*>(memory.data() + codes)};
  memory = memory.subspan(codes + scales);
  return buffer;
}

Result<PackedMemory> PackedMemory::reserve(std::span<const PackedShape> shapes) {
  std::uint64_t bytes = 0;
  for (const PackedShape& shape : shapes) {
    bytes += aligned_size(code_bytes(shape)) + aligned_size(scale_bytes(shape));
  }
  PARAPET_TRY(check_memory_for("quantized weights", bytes));
  PARAPET_ASSIGN(AnonymousMemory memory, AnonymousMemory::reserve(bytes));
  std::span<std::byte> left = memory.bytes();
  std::vector<PackedBuffer> buffers;
  for (const PackedShape& shape : shapes) buffers.push_back(carve(left, shape));
  return PackedMemory{std::move(memory), std::move(buffers)};
}

}  // namespace parapet
