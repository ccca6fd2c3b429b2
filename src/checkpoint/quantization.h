// How the matrices of a checkpoint are quantized, or are to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/packed_weight.h"
#include "parapet/error.h"

namespace parapet {

// In which formats a model's matrices lie packed (base/packed_weight.h). The head decides labels:
// it stays int8 where the layers are int4.
struct QuantizationScheme {
  WeightFormat format = WeightFormat::kInt8;
  std::int64_t group_size = 0;
  WeightFormat head_format = WeightFormat::kInt8;
  std::int64_t head_group_size = 0;

  // What `format`, "int8" or "int4", means with this group size; 0 is the default of 32. Another
  // word or size is kInvalidArgument.
  static Result<QuantizationScheme> of(std::string_view format, std::int64_t group_size);

  bool operator==(const QuantizationScheme&) const = default;
};

// Weights as LLM Compressor publishes them: symmetric integers with scales.
struct CompressedTensorsScheme {
  WeightFormat format = WeightFormat::kInt8;
  std::int64_t group_size = 0;  // inputs that share a scale; 0: all of an output feature
  bool packed = false;          // "pack-quantized": in int32; else "int-quantized": in int8

  // The largest group of ours that no scale of theirs ends inside; 0 where there is none.
  std::int64_t packed_group_size() const;
};

// "32, 64 or 128", as errors list them.
std::string group_size_list();

}  // namespace parapet
