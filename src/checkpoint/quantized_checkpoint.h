// The weights of a quantized checkpoint, written so that loading them is a memory map.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/weights.h"

namespace parapet {

// What quantizing changed, over the tensors of one kind ("q_proj", "down_proj", "embed_tokens").
// A tensor's error is the root of the mean square of what changed, over that of its weights.
struct KindError {
  std::string kind;
  WeightFormat format = WeightFormat::kInt8;
  std::int64_t group_size = 0;
  std::int64_t num_tensors = 0;
  double mean_error = 0;
  double max_error = 0;
};

struct QuantizedFiles {
  std::vector<std::filesystem::path> files;
  std::uint64_t bytes = 0;       // of all files
  std::vector<KindError> kinds;  // in the order of the model
};

struct QuantizeRun {
  int num_threads = 1;
  Progress progress;                  // of bytes of the dense matrices; may be empty
  std::function<bool()> should_stop;  // asked before each tensor; may be empty
};

// Writes model.safetensors, or shards and their index, into `directory`, which must not hold them.
// Works tensor by tensor: memory holds one more than what is mapped. kCancelled where should_stop
// said so; then, and after any other error, what was written is of no use.
Result<QuantizedFiles> write_quantized(const Weights& weights, const ModelConfig& config,
                                       const QuantizationScheme& scheme,
                                       const std::filesystem::path& directory,
                                       const QuantizeRun& run);

}  // namespace parapet
