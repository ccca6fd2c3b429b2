#include "checkpoint/compressed_tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/half.h"
#include "base/parallel.h"
#include "checkpoint/tensor_values.h"

namespace parapet {
namespace {

// How one matrix lies in the file.
struct Source {
  const std::byte* rows = nullptr;
  std::int64_t row_bytes = 0;
  Storage storage = Storage::kIntQuantized;
  WeightTensor scales;           // [out, scales of a feature]
  std::int64_t scale_group = 0;  // inputs that share one; 0: all
};

// The codes of one output feature, one a byte, in ours: unsigned, with the zero in the middle.
void read_codes(const Source& source, const PackedShape& shape, std::int64_t out,
                std::vector<std::uint8_t>& codes) {
  const std::byte* row = source.rows + out * source.row_bytes;
  const auto in = static_cast<std::size_t>(shape.in_features);
  if (source.storage == Storage::kIntQuantized) {  // two's complement
    for (std::size_t k = 0; k < in; ++k) codes[k] = std::to_integer<std::uint8_t>(row[k]) ^ 0x80U;
  } else if (shape.format == WeightFormat::kInt8) {
    std::memcpy(codes.data(), row, in);
  } else {  // the lower four bits first
    for (std::size_t k = 0; k < in; ++k) {
      const auto pair = std::to_integer<unsigned>(row[k / 2]);
      codes[k] = static_cast<std::uint8_t>(k % 2 == 0 ? pair & 15U : pair >> 4);
    }
  }
}

// One feature's codes to their places, 64 bytes apart.
void write_codes(const std::vector<std::uint8_t>& codes, const PackedShape& shape,
                 std::uint8_t* panel, std::int64_t feature) {
  const std::size_t quad = shape.format == WeightFormat::kInt8 ? 4 : 8;  // inputs in 64 bytes
  std::uint8_t* out = panel + feature * 4;
  for (std::size_t k = 0; k < codes.size(); k += quad) {
    std::uint32_t word = 0;
    std::memcpy(&word, &codes[k], sizeof word);
    if (quad == 8) {
      std::uint32_t high = 0;
      std::memcpy(&high, &codes[k + 4], sizeof high);
      word |= high << 4;
    }
    std::memcpy(out, &word, sizeof word);
    out += kPanelFeatures * 4;
  }
}

void write_scales(const Source& source, const PackedShape& shape, std::int64_t out,
                  std::uint16_t* scales) {
  const std::int64_t theirs = source.scales.shape[1];
  for (std::int64_t group = 0; group < shape.groups(); ++group) {
    const std::int64_t in = group * shape.group_size;
    const std::int64_t index = source.scale_group == 0 ? 0 : in / source.scale_group;
    scales[group * kPanelFeatures] = f32_to_bf16(element(source.scales, out * theirs + index));
  }
}

void repack_panel(const Source& source, const PackedBuffer& packed, std::int64_t panel) {
  const PackedShape& shape = packed.shape;
  std::uint8_t* codes = packed.codes + panel * shape.panel_bytes();
  std::uint16_t* scales = packed.scales + panel * shape.groups() * kPanelFeatures;
  // Past the last input, and past the last feature, lie zeros.
  std::vector<std::uint8_t> row(static_cast<std::size_t>(shape.groups() * shape.group_size),
                                static_cast<std::uint8_t>(weight_zero(shape.format)));
  for (std::int64_t feature = 0; feature < kPanelFeatures; ++feature) {
    const std::int64_t out = panel * kPanelFeatures + feature;
    if (out < shape.out_features) {
      read_codes(source, shape, out, row);
      write_scales(source, shape, out, scales + feature);
    } else {
      std::fill(row.begin(), row.end(), static_cast<std::uint8_t>(weight_zero(shape.format)));
      for (std::int64_t g = 0; g < shape.groups(); ++g) scales[g * kPanelFeatures + feature] = 0;
    }
    write_codes(row, shape, codes, feature);
  }
}

Status check_shape(const FilePart& part, const PackedShape& shape) {
  std::int64_t stored[2] = {};
  if (part.entry->dtype_name == "I64") {
    std::memcpy(stored, part.entry->data.data(), sizeof stored);
  } else {
    std::int32_t narrow[2] = {};
    std::memcpy(narrow, part.entry->data.data(), sizeof narrow);
    std::copy_n(narrow, 2, stored);
  }
  if (stored[0] == shape.out_features && stored[1] == shape.in_features) return {};
  return Error{ErrorCode::kCorrupt, part.where() + ": [" + std::to_string(stored[0]) + ", " +
                                        std::to_string(stored[1]) + "]; config.json calls for [" +
                                        std::to_string(shape.out_features) + ", " +
                                        std::to_string(shape.in_features) + "]"};
}

// Only a float32 can be too large: one in the last 2^-9 of its range.
Status check_scales(const FilePart& part, const WeightTensor& scales) {
  if (scales.dtype != DType::kF32) return {};
  for (std::int64_t i = 0; i < num_elements(scales.shape); ++i) {
    if (std::isfinite(bf16_to_f32(f32_to_bf16(element(scales, i))))) continue;
    return Error{ErrorCode::kUnsupported,
                 part.where() + ": " + element_text(scales, i) + ", infinite in bfloat16"};
  }
  return {};
}

}  // namespace

Status repack(const MatchedTensor& matched, const CompressedTensorsScheme& scheme,
              const PackedBuffer& packed, int num_threads) {
  const PackedShape& shape = packed.shape;
  PARAPET_CHECK(matched.storage == Storage::kIntQuantized ||
                matched.storage == Storage::kPackQuantized);
  if (matched.storage == Storage::kPackQuantized) {
    PARAPET_TRY(check_shape(matched.parts[2], shape));
  }
  const std::span<const std::byte> values = matched.parts[0].entry->data;
  const Source source{values.data(), static_cast<std::int64_t>(values.size()) / shape.out_features,
                      matched.storage, matched.parts[1].tensor(), scheme.group_size};
  PARAPET_TRY(check_scales(matched.parts[1], source.scales));
  for_each_task(
      static_cast<std::size_t>(shape.panels()), num_threads,
      [&](std::size_t panel) { repack_panel(source, packed, static_cast<std::int64_t>(panel)); },
      {});
  return {};
}

}  // namespace parapet
