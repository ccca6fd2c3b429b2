#include "precision/difference_plan.h"

#include <optional>
#include <utility>

#include "api/model_weights.h"
#include "base/check.h"
#include "checkpoint/quantization.h"

namespace parapet {
namespace {

void add_rounding(ProbeOptions& options, Rounding more) {
  options.numerics.rounding = options.numerics.rounding.with(more);
}

PlannedDifference rounding_of(std::string name, std::string what, Rounded value) {
  return {std::move(name), std::move(what), "",
          [value](ProbeOptions& options) { add_rounding(options, {value}); }};
}

// How the candidate's matrices lie packed, if they do.
Result<std::optional<QuantizationScheme>> scheme_of(const ProbeOptions& candidate) {
  std::optional<QuantizationScheme> scheme;
  PARAPET_ASSIGN(const ModelConfig config, config_of(candidate.model));
  const bool stored = (config.quantization || config.compressed_tensors) &&
                      !is_dummy(candidate.model);  // then the files have decided
  if (!candidate.model.quantization.empty() && !stored) {
    PARAPET_ASSIGN(scheme, QuantizationScheme::of({.format = candidate.model.quantization},
                                                  config.num_hidden_layers));
    return scheme;
  }
  scheme = config.quantization;
  if (!scheme && config.compressed_tensors) {  // repacked; its head is dense
    scheme = {.format = config.compressed_tensors->format,
              .group_size = config.compressed_tensors->packed_group_size(),
              .head_format = WeightFormat::kInt8,
              .head_group_size = 0,
              .dense_layers = 0};
  }
  return scheme;
}

bool same_checkpoint(const ProbeOptions& a, const ProbeOptions& b) {
  return a.model.model == b.model.model && a.model.load_format == b.model.load_format &&
         a.model.shape == b.model.shape && a.model.seed == b.model.seed;
}

// Layers are counted from 1, as reports do.
std::string packed_text(const QuantizationScheme& scheme) {
  std::string text = std::string(weight_format_name(scheme.format)) + " weights";
  if (scheme.dense_layers > 0) {
    text += " from layer " + std::to_string(scheme.dense_layers + 1) + " on";
  }
  return text + ", multiplied as floats";
}

// Another checkpoint, or the same one quantized while it is loaded; as floats in both cases.
Status add_weights(const ProbeOptions& candidate, const ProbeOptions& reference,
                   std::vector<PlannedDifference>& all) {
  PARAPET_ASSIGN(const std::optional<QuantizationScheme> scheme, scheme_of(candidate));
  const std::string packed = scheme ? packed_text(*scheme) : "";
  const bool same = same_checkpoint(candidate, reference) &&
                    candidate.model.quantization == reference.model.quantization;
  if (scheme || !same) {
    PlannedDifference weights{"weights", scheme ? packed : "the candidate's own weights", "",
                              [candidate](ProbeOptions& options) {
                                options.model.model = candidate.model.model;
                                options.model.load_format = candidate.model.load_format;
                                options.model.shape = candidate.model.shape;
                                options.model.seed = candidate.model.seed;
                                options.model.quantization = candidate.model.quantization;
                              }};
    if (same) weights.none_because = "the reference has the same quantized weights, as floats";
    all.push_back(std::move(weights));
  }
  if (!scheme) return {};
  const ActivationCodes codes{.layer_group = scheme->group_size,
                              .head_group = scheme->head_group_size,
                              .first_layer = scheme->dense_layers};
  all.push_back({"activation_codes",
                 "inputs of quantized matrices as int8 codes (bfloat16 with matrix tiles)", "",
                 [codes](ProbeOptions& options) { options.numerics.codes = codes; }});
  return {};
}

void add_bfloat16(const ForwardProbe& probe, std::vector<PlannedDifference>& all) {
  PlannedDifference weights =
      rounding_of("weights_bfloat16", "weights rounded to bfloat16", Rounded::kWeights);
  if (probe.weights_are_bfloat16()) {
    weights.none_because = "the checkpoint's dense weights are bfloat16 already";
  }
  all.push_back(std::move(weights));
  all.push_back(rounding_of("norms", "normalised activations and heads", Rounded::kNorms));
  all.push_back(
      rounding_of("linear", "what matrices give: q, k, v, o, gate, up, down", Rounded::kLinear));
  all.push_back(rounding_of("rope", "cosines and sines, rotated queries and keys", Rounded::kRope));
  all.push_back(rounding_of("attention", "softmax's exponentials, and attention's output",
                            Rounded::kAttention));
  all.push_back(rounding_of("activation", "silu and its product", Rounded::kActivation));
  all.push_back(
      rounding_of("residual", "the residual stream after each addition", Rounded::kResidual));
  all.push_back(rounding_of("logits", "the logits", Rounded::kLogits));
}

}  // namespace

std::string cache_dtype_name(const ProbeOptions& candidate, const ModelConfig& config) {
  if (candidate.model.kv_cache_dtype != "auto") return candidate.model.kv_cache_dtype;
  return config.dtype == DType::kBF16 ? "bfloat16" : "float32";
}

Result<std::vector<PlannedDifference>> differences_of(const ProbeOptions& candidate,
                                                      const ProbeOptions& reference,
                                                      const ForwardProbe& probe) {
  std::vector<PlannedDifference> all;
  PARAPET_TRY(add_weights(candidate, reference, all));
  const bool bfloat16 = candidate.model.activation_dtype == "bfloat16" &&
                        reference.model.activation_dtype != "bfloat16";
  if (bfloat16) add_bfloat16(probe, all);
  const std::string cache = cache_dtype_name(candidate, probe.config());
  if (bfloat16 || cache != cache_dtype_name(reference, probe.config())) {
    all.push_back(
        {"kv_cache",
         "keys and values cached as " + (bfloat16 && cache == "float32" ? "bfloat16" : cache), "",
         [cache, bfloat16](ProbeOptions& options) {
           options.model.kv_cache_dtype = cache;
           if (bfloat16) add_rounding(options, {Rounded::kKv});
         }});
  }
  return all;
}

}  // namespace parapet
