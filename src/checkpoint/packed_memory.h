// Memory for packed matrices that are made here, not mapped.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/packed_weight.h"
#include "checkpoint/anonymous_memory.h"
#include "parapet/error.h"

namespace parapet {

// Room for a packed matrix: shape.code_bytes() of codes, shape.num_scales() scales.
struct PackedBuffer {
  PackedShape shape;
  std::uint8_t* codes = nullptr;
  std::uint16_t* scales = nullptr;

  PackedMatrix matrix() const { return {shape, codes, scales}; }
};

// Room for several, one after the other, in memory of their own.
struct PackedMemory {
  AnonymousMemory memory;
  std::vector<PackedBuffer> buffers;

  static Result<PackedMemory> reserve(std::span<const PackedShape> shapes);
};
std::uint64_t packed_bytes(const PackedShape& shape);  // of codes and scales
// Room for one at the beginning of `memory`, both parts aligned to kTensorAlignment; `memory` is
// then what follows.
PackedBuffer carve(std::span<std::byte>& memory, const PackedShape& shape);

}  // namespace parapet
