#include "precision/difference_plan.h"

#include <optional>
#include <utility>

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

// What an engine would take "auto" for.
std::string cache_dtype_name(const ProbeOptions& candidate, const ModelConfig& config) {
  if (candidate.model.kv_cache_dtype != "auto") return candidate.model.kv_cache_dtype;
  return config.dtype == DType::kBF16 ? "bfloat16" : "float32";
}

// How the candidate's matrices take their inputs, if as codes.
std::optional<ActivationCodes> codes_of(const ProbeOptions& candidate,
                                        const ForwardProbe& reference) {
  std::optional<QuantizationScheme> scheme = reference.config().quantization;
  if (!candidate.model.quantization.empty()) {
    auto asked = QuantizationScheme::of(candidate.model.quantization, 0);
    if (asked) scheme = *asked;
  }
  if (scheme) {
    return ActivationCodes{.layer_group = scheme->group_size,
                           .head_group = scheme->head_group_size};
  }
  const WeightsSummary& weights = reference.weights();
  if (!weights.format) return std::nullopt;
  return ActivationCodes{.layer_group = weights.group_size, .head_group = 0};  // repacked
}

void add_quantization(const ProbeOptions& candidate, const ForwardProbe& reference,
                      std::vector<PlannedDifference>& all) {
  const auto codes = codes_of(candidate, reference);
  if (!codes) return;
  PlannedDifference weights{"weights", "", "", [](ProbeOptions&) {}};
  if (reference.weights().format) {
    weights.what = "weights quantized";
    weights.none_because = "the checkpoint is quantized, and so is the reference, as floats";
  } else {
    const std::string& format = candidate.model.quantization;
    weights.what = "weights quantized to " + format + ", multiplied as floats";
    weights.apply = [format](ProbeOptions& options) { options.model.quantization = format; };
  }
  all.push_back(std::move(weights));
  all.push_back({"activation_codes", "inputs of quantized matrices as int8 codes", "",
                 [codes = *codes](ProbeOptions& options) { options.numerics.codes = codes; }});
}

void add_bfloat16(const ForwardProbe& reference, std::vector<PlannedDifference>& all) {
  PlannedDifference weights =
      rounding_of("weights_bfloat16", "weights rounded to bfloat16", Rounded::kWeights);
  if (reference.weights_are_bfloat16()) {
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

std::vector<PlannedDifference> differences_of(const ProbeOptions& candidate,
                                              const ForwardProbe& reference) {
  std::vector<PlannedDifference> all;
  add_quantization(candidate, reference, all);
  const bool bfloat16 = candidate.model.activation_dtype == "bfloat16";
  if (bfloat16) add_bfloat16(reference, all);
  const std::string cache = cache_dtype_name(candidate, reference.config());
  if (cache != "float32" || bfloat16) {
    all.push_back({"kv_cache",
                   "keys and values cached as " +
                       (bfloat16 && cache == "float32" ? std::string("bfloat16") : cache),
                   "", [cache, bfloat16](ProbeOptions& options) {
                     options.model.kv_cache_dtype = cache;
                     if (bfloat16) add_rounding(options, {Rounded::kKv});
                   }});
  }
  return all;
}

}  // namespace parapet
