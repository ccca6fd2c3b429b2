// Quantized weight matrices, in the one layout that is stored, mapped and multiplied.
//
// A matrix [out, in] is cut into panels of 16 output features, a panel into groups of `group_size`
// inputs. Each output feature of a group has a scale s, and a weight is s * (code - zero), with
// unsigned codes: int8 has zero = 128 and codes 0..255, int4 has zero = 8 and codes 0..15.
//
//   scales  bf16 bits [panels][groups][16]
//   codes   int8: [panels][groups][group_size / 4][16][4]  the inputs k, k + 1, k + 2, k + 3
//           int4: [panels][groups][group_size / 8][16][4]  byte j: input k + j in the low four
//           bits,
//                                                          input k + 4 + j in the high ones
//
// Sixteen features of four bytes are 64 bytes: a register of AVX-512, two of AVX2, four of NEON; an
// instruction that adds four products of bytes to each 32-bit lane then gives 16 sums. Where `in`
// is no multiple of the group or `out` none of 16, the rest is padding: codes equal to zero, scales
// 0.
//
//   input_factors  bf16 bits [in], where a matrix has them: a weight is s * (code - zero) * factor
//
// They even out columns, so that one large one does not coarsen its group. An op multiplies its
// input with them before it quantizes it. Eight bits each: all three factors of a weight are exact
// in a float.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace parapet {

enum class WeightFormat : std::uint8_t { kInt8, kInt4 };

constexpr int weight_bits(WeightFormat format) { return format == WeightFormat::kInt8 ? 8 : 4; }
constexpr int weight_zero(WeightFormat format) { return format == WeightFormat::kInt8 ? 128 : 8; }

inline constexpr std::int64_t kPanelFeatures = 16;
// Group sizes that kernels exist for. A group's integer sum is exact in float: 128 * 127 * 255 <
// 2^24.
inline constexpr std::int64_t kGroupSizes[] = {32, 64, 128};
constexpr bool is_group_size(std::int64_t size) {
  for (const std::int64_t known : kGroupSizes) {
    if (size == known) return true;
  }
  return false;
}
// Where nobody asks for another (docs/quantization.md has the errors of others).
constexpr std::int64_t default_group_size(WeightFormat format) {
  return format == WeightFormat::kInt8 ? 64 : 32;
}
inline constexpr std::int64_t kHeadGroupSize = 32;  // int8, without input factors

struct PackedShape {
  WeightFormat format = WeightFormat::kInt8;
  std::int64_t out_features = 0;
  std::int64_t in_features = 0;
  std::int64_t group_size = 0;  // one of kGroupSizes
  bool has_input_factors = false;

  constexpr std::int64_t panels() const {
    return (out_features + kPanelFeatures - 1) / kPanelFeatures;
  }
  constexpr std::int64_t groups() const { return (in_features + group_size - 1) / group_size; }
  // Bytes of the codes of one group of one panel, of a panel, and of all.
  constexpr std::int64_t group_bytes() const {
    return kPanelFeatures * group_size * weight_bits(format) / 8;
  }
  constexpr std::int64_t panel_bytes() const { return groups() * group_bytes(); }
  constexpr std::int64_t code_bytes() const { return panels() * panel_bytes(); }
  constexpr std::int64_t num_scales() const { return panels() * groups() * kPanelFeatures; }
};

// Codes and scales in place; neither is owned. Kernels are fastest where codes lie at multiples
// of 64.
struct PackedMatrix {
  PackedShape shape;
  const std::uint8_t* codes = nullptr;
  const std::uint16_t* scales = nullptr;
  const std::uint16_t* input_factors = nullptr;  // null where shape.has_input_factors is false
};

// Where a weight's code lies: the byte's offset among the codes, and for int4 its nibble.
constexpr std::int64_t packed_offset(const PackedShape& shape, std::int64_t out, std::int64_t in) {
  const std::int64_t quad = shape.format == WeightFormat::kInt8 ? 4 : 8;  // inputs in 64 bytes
  const std::int64_t group = in / shape.group_size;
  const std::int64_t k = in % shape.group_size;
  return out / kPanelFeatures * shape.panel_bytes() + group * shape.group_bytes() +
         k / quad * (kPanelFeatures * 4) + out % kPanelFeatures * 4 + k % 4;
}
constexpr int packed_code(const PackedMatrix& matrix, std::int64_t out, std::int64_t in) {
  const int byte = matrix.codes[packed_offset(matrix.shape, out, in)];
  if (matrix.shape.format == WeightFormat::kInt8) return byte;
  return in % matrix.shape.group_size % 8 < 4 ? byte & 15 : byte >> 4;
}
constexpr std::int64_t packed_scale_index(const PackedShape& shape, std::int64_t out,
                                          std::int64_t in) {
  return (out / kPanelFeatures * shape.groups() + in / shape.group_size) * kPanelFeatures +
         out % kPanelFeatures;
}

// "int8", "int4"
constexpr const char* weight_format_name(WeightFormat format) {
  return format == WeightFormat::kInt8 ? "int8" : "int4";
}
constexpr std::optional<WeightFormat> weight_format_from_name(std::string_view name) {
  if (name == "int8") return WeightFormat::kInt8;
  if (name == "int4") return WeightFormat::kInt4;
  return std::nullopt;
}

}  // namespace parapet
