// How the matrices of a checkpoint are quantized, or are to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/packed_weight.h"
#include "parapet/error.h"

namespace parapet {

// The first layers that stay dense unless a user says otherwise. After the embedding the residual
// stream is small, so that nearly all that leaves the first layer is that layer's output, and so is
// its error: the largest of all layers, carried on by the rest (docs/quantization.md).
inline constexpr std::int64_t kDefaultDenseLayers = 1;

// What to quantize to, in a user's words.
struct QuantizationChoice {
  std::string_view format;                        // "int8", "int4"
  std::int64_t group_size = 0;                    // 0: that of the format
  std::optional<std::int64_t> dense_layers = {};  // none: the default, 0 in a model of one layer
};

// In which formats a model's matrices lie packed (base/packed_weight.h). The head decides labels:
// it stays int8 where the layers are int4.
struct QuantizationScheme {
  WeightFormat format = WeightFormat::kInt8;
  std::int64_t group_size = 0;
  WeightFormat head_format = WeightFormat::kInt8;
  std::int64_t head_group_size = 0;
  // So many first layers keep their matrices as they are; fewer than the model has.
  std::int64_t dense_layers = 0;
  // Whether the layers' quantized matrices have factors for their inputs.
  bool input_factors = false;

  // What the choice means for a model of so many layers. Another word, size or number of layers is
  // kInvalidArgument.
  static Result<QuantizationScheme> of(const QuantizationChoice& choice, std::int64_t num_layers);

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
