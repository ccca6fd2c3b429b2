// Why a candidate differs from the float32 reference: each difference in how they compute, alone
// and added to those before it, and where in the model the error comes in. Everything is measured
// by running the model; docs/precision.md says what the numbers mean.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/numerics/op_taps.h"
#include "parapet/error.h"
#include "precision/divergence.h"
#include "precision/forward_probe.h"

namespace parapet {

// One difference between candidate and reference.
struct DifferenceSource {
  std::string name;  // "weights", "norms", "linear", "rope", "attention", "kv_cache", ...
  std::string what;  // one line: "keys and values cached as bfloat16"
  // Why it was not run, and cannot differ: "the checkpoint's weights are bfloat16 already". Empty:
  // it was run.
  std::string none_because;
  LogitDivergence alone;     // the reference with this difference and no other
  LogitDivergence together;  // with this one and all that stand before it
  // Of the sum of all sources' squared errors when alone. Errors of different sources are nearly
  // independent, so that their squares add up; `Attribution::sum_of_squares` shows how nearly.
  double share = 0;
};

// The residual stream after a layer.
struct LayerError {
  int layer = 0;           // -1: the embedding
  double relative_l2 = 0;  // mean over positions
  double cosine = 0;       // mean over positions
  double min_cosine = 0;
  // The same error where the layer is given the reference's residual stream, keys and values: what
  // this layer alone does.
  double own_relative_l2 = 0;
};

// An op's result.
struct OpError {
  int layer = 0;
  OpName op = OpName::kEmbedding;
  double relative_l2 = 0;      // root mean square over positions
  double own_relative_l2 = 0;  // the same where all its inputs are the reference's
};

// The ops of one name in all layers.
struct OperatorError {
  OpName op = OpName::kEmbedding;
  double own_relative_l2 = 0;  // root mean square over layers
  int worst_layer = 0;
  double worst_own_relative_l2 = 0;
};

struct Attribution {
  std::vector<DifferenceSource> sources;  // in the order in which they are added up
  LogitDivergence candidate;              // all of it, as the candidate computes
  double sum_of_squares = 0;  // root of the sum of the sources' squared rms_relative_l2, alone
  // Other kernels of this machine, where it has them: float sums in another order. A yardstick and
  // no source, as the candidate runs on the reference's kernels; but a device of another make
  // differs from it in this way too.
  std::string other_kernels;                   // "portable"; empty: there are none, or nobody asked
  LogitDivergence reference_on_other_kernels;  // from the reference
  LogitDivergence candidate_on_other_kernels;  // from the candidate: roundings that fall otherwise

  std::vector<LayerError> layers;        // the embedding, then each layer
  std::vector<OpError> ops;              // in the order in which they run
  std::vector<OperatorError> operators;  // that which adds most first
  std::int64_t layer_positions = 0;      // how many layers were compared at
  std::int64_t op_positions = 0;
  // The first op whose own error is out of line: kOutOfLine times the median of the ops of its
  // name, and above what float sums explain. Rounding and quantization do the same to every layer;
  // a damaged tensor, a wrong angle or a swapped head in one of them does not.
  std::optional<OpError> suspect;
  static constexpr double kOutOfLine = 4;
};

struct AttributionOptions {
  bool sources = true;
  bool layers = true;          // and ops
  bool other_kernels = false;  // portable ones are slow
  // Layers and ops are compared at the first positions of the prompts, one prompt after the other.
  // Of a 4B model a position takes 1 MB for its hidden states and logits, 10 MB for its ops, three
  // times each.
  std::int64_t max_layer_positions = 128;
  std::int64_t max_op_positions = 24;
  // `done` of `total` runs are over, and `name` runs now. May be empty.
  std::function<void(std::int64_t done, std::int64_t total, std::string_view name)> on_run;
};

// `reference` is float32_reference(candidate), or the same of another checkpoint of the same shape:
// that which the candidate's was quantized from. `probe` is any loaded probe; it is reconfigured as
// variants need, which is cheap where weights stay the same.
Result<Attribution> attribute(ForwardProbe& probe, const ProbeOptions& reference,
                              const ProbeOptions& candidate, std::span<const ProbePrompt> prompts,
                              const AttributionOptions& options);

}  // namespace parapet
