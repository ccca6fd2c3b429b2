// Memory for packed matrices that are made here, not mapped.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/packed_weight.h"
#include "checkpoint/anonymous_memory.h"
#include "parapet/error.h"

namespace parapet {

// Room for a packed matrix: shape.code_bytes() of codes, shape.num_scales() scales, and where the
// shape says so shape.in_features factors.
struct PackedBuffer {
  PackedShape shape;
  std::uint8_t* codes = nullptr;
  std::uint16_t* scales = nullptr;
  std::uint16_t* input_factors = nullptr;

  PackedMatrix matrix() const { return {shape, codes, scales, input_factors}; }
};

// Room for several, one after the other, in memory of their own.
struct PackedMemory {
  AnonymousMemory memory;
  std::vector<PackedBuffer> buffers;

  static Result<PackedMemory> reserve(std::span<const PackedShape> shapes);
};
std::uint64_t packed_bytes(const PackedShape& shape);  // of codes, scales and factors
// Room for one at the beginning of `memory`, all parts aligned to kTensorAlignment; `memory` is
// then what follows.
PackedBuffer carve(std::span<std::byte>& memory, const PackedShape& shape);

}  // namespace parapet
