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
std::uint64_t factor_bytes(const PackedShape& shape) {
  if (!shape.has_input_factors) return 0;
  return static_cast<std::uint64_t>(shape.in_features) * sizeof(std::uint16_t);
}
// With room up to the next aligned address behind each part.
std::uint64_t carved_bytes(const PackedShape& shape) {
  return aligned_size(code_bytes(shape)) + aligned_size(scale_bytes(shape)) +
         aligned_size(factor_bytes(shape));
}

}  // namespace

std::uint64_t packed_bytes(const PackedShape& shape) {
  return code_bytes(shape) + scale_bytes(shape) + factor_bytes(shape);
}

PackedBuffer carve(std::span<std::byte>& memory, const PackedShape& shape) {
  const std::uint64_t codes = aligned_size(code_bytes(shape));
  const std::uint64_t scales = aligned_size(scale_bytes(shape));
  PARAPET_CHECK(carved_bytes(shape) <= memory.size());
  PackedBuffer buffer{shape, reinterpret_cast<std::uint8_t*>(memory.data()),
                      reinterpret_cast<std::uint16_t*>(memory.data() + codes)};
  if (shape.has_input_factors) {
    buffer.input_factors = reinterpret_cast<std::uint16_t*>(memory.data() + codes + scales);
  }
  memory = memory.subspan(carved_bytes(shape));
  return buffer;
}

Result<PackedMemory> PackedMemory::reserve(std::span<const PackedShape> shapes) {
  std::uint64_t bytes = 0;
  for (const PackedShape& shape : shapes) bytes += carved_bytes(shape);
  PARAPET_TRY(check_memory_for("quantized weights", bytes));
  PARAPET_ASSIGN(AnonymousMemory memory, AnonymousMemory::reserve(bytes));
  std::span<std::byte> left = memory.bytes();
  std::vector<PackedBuffer> buffers;
  for (const PackedShape& shape : shapes) buffers.push_back(carve(left, shape));
  return PackedMemory{std::move(memory), std::move(buffers)};
}

}  // namespace parapet
