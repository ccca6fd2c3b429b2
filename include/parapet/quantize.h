// From a checkpoint as it was published to a quantized one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "parapet/error.h"
#include "parapet/export.h"
#include "parapet/types.h"

namespace parapet {

struct QuantizeOptions {
  std::filesystem::path source;       // checkpoint folder, not quantized
  std::filesystem::path destination;  // of the new one; not there yet, or an empty folder
  std::string format = "int8";        // "int8" or "int4"
  // Inputs that share a scale: 32, 64 or 128; 0: 64 for int8, 32 for int4.
  std::int64_t group_size = 0;
  // So many first layers keep their matrices as the source has them, at least 0 and fewer than the
  // model has. Empty: 1, or 0 in a model of one layer.
  std::optional<std::int64_t> dense_layers;
  int num_threads = 0;           // 0: as many as this process may use
  ProgressCallback on_progress;  // may be empty
  // Asked before each tensor, on the thread of the caller; true ends it with kCancelled. May be
  // empty.
  std::function<bool()> should_stop;
};

// What quantizing changed in the tensors of one kind. A tensor's error is the root mean square of
// the change over that of its weights.
struct QuantizationError {
  std::string kind;              // "q_proj", "down_proj", "embed_tokens"
  std::string format;            // "int8", "int4"
  std::int64_t group_size = 0;   // inputs that share a scale
  std::int64_t num_tensors = 0;  // of this kind
  double mean = 0;               // of their errors
  double max = 0;
};

struct QuantizeSummary {
  std::string format;
  std::int64_t group_size = 0;
  std::int64_t dense_layers = 0;  // first layers whose matrices are as they were
  std::int64_t num_parameters = 0;
  std::uint64_t bytes_before = 0;  // of the files of weights
  std::uint64_t bytes_after = 0;   // likewise
  double seconds = 0;
  std::vector<QuantizationError> errors;  // in the order of the model
};

// Writes the checkpoint of options.source to options.destination, its matrices quantized, all other
// files as they are. The folder appears when it is complete: after an Error there is nothing new.
// kInvalidArgument: an option, or a destination that holds something; kNotFound, kCorrupt,
// kUnsupported, kNumeric: a file of the source; kIo: the disk, a full one too; kCancelled.
PARAPET_API Result<QuantizeSummary> quantize_checkpoint(const QuantizeOptions& options);

}  // namespace parapet
