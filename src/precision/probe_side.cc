#include "precision/probe_side.h"

#include <utility>

#include "base/check.h"
#include "precision/attribution.h"

namespace parapet {
namespace {

std::vector<ProbePrompt> prompts_of(std::span<const ForcedSequence> sequences) {
  std::vector<ProbePrompt> prompts;
  for (const ForcedSequence& sequence : sequences) {
    prompts.push_back({sequence.ids, sequence.positions});
  }
  return prompts;
}

void add_sources(const Attribution& attribution, PrecisionExplanation& explanation) {
  for (const DifferenceSource& source : attribution.sources) {
    explanation.sources.push_back({.name = source.name,
                                   .what = source.what,
                                   .none_because = source.none_because,
                                   .relative_error_pct = 100 * source.alone.rms_relative_l2,
                                   .together_pct = 100 * source.together.rms_relative_l2,
                                   .share_pct = 100 * source.share,
                                   .kl = source.alone.kl});
  }
  explanation.total_relative_error_pct = 100 * attribution.candidate.rms_relative_l2;
  explanation.summed_relative_error_pct = 100 * attribution.sum_of_squares;
  explanation.other_kernels = attribution.other_kernels;
  explanation.reference_on_other_kernels_pct =
      100 * attribution.reference_on_other_kernels.rms_relative_l2;
  explanation.candidate_on_other_kernels_pct =
      100 * attribution.candidate_on_other_kernels.rms_relative_l2;
}

// Layers are counted from one, as people do: the embedding is what stands before the first.
void add_places(const Attribution& attribution, PrecisionExplanation& explanation) {
  for (const LayerError& layer : attribution.layers) {
    explanation.layers.push_back({.layer = layer.layer + 1,
                                  .cosine = layer.cosine,
                                  .relative_error_pct = 100 * layer.relative_l2,
                                  .own_relative_error_pct = 100 * layer.own_relative_l2});
  }
  for (const OperatorError& each : attribution.operators) {
    explanation.operators.push_back(
        {.op = op_name(each.op),
         .own_relative_error_pct = 100 * each.own_relative_l2,
         .worst_layer = each.worst_layer + 1,
         .worst_own_relative_error_pct = 100 * each.worst_own_relative_l2});
  }
  if (attribution.suspect) {
    explanation.suspect_layer = attribution.suspect->layer + 1;
    explanation.suspect_operator = op_name(attribution.suspect->op);
  }
}

}  // namespace

Result<std::unique_ptr<Side>> ProbeSide::load(std::string spec, const ProbeOptions& options) {
  PARAPET_ASSIGN(ForwardProbe probe, ForwardProbe::load(options));
  return std::unique_ptr<Side>(new ProbeSide(std::move(spec), options, std::move(probe)));
}

PrecisionSide ProbeSide::describe() const {
  const DeviceInfo& device = probe_.device_info();
  const WeightsSummary& weights = probe_.weights();
  PrecisionSide side;
  side.spec = spec_;
  side.kind = "local";
  side.device = device.name;
  side.isa = device.isa;
  side.num_threads = device.num_threads;
  side.weights_dtype =
      weights.format ? weight_format_name(*weights.format) : dtype_name(probe_.config().dtype);
  side.activation_dtype = options_.model.activation_dtype;
  side.kv_cache_dtype = dtype_name(probe_.kv_cache_dtype());
  side.version = version();
  side.load_seconds = probe_.load_seconds();
  return side;
}

Result<std::vector<std::vector<TokenId>>> ProbeSide::answers(
    std::span<const std::vector<TokenId>> prompts, std::int64_t max_tokens) {
  return probe_.generate(prompts, max_tokens);
}

Result<std::vector<SideRows>> ProbeSide::rows(std::span<const ForcedSequence> sequences) {
  PARAPET_ASSIGN(auto outputs, probe_.run(prompts_of(sequences)));
  std::vector<SideRows> all;
  for (ProbeOutput& output : outputs) all.emplace_back().logits = std::move(output.logits);
  return all;
}

Result<std::optional<PrecisionExplanation>> ProbeSide::explain(
    std::span<const ForcedSequence> sequences, const ExplainOptions& options) {
  AttributionOptions how;
  how.other_kernels = options.other_kernels;
  if (options.on_progress) {
    how.on_run = [&](std::int64_t done, std::int64_t total, std::string_view name) {
      options.on_progress("explaining, " + std::string(name), static_cast<std::uint64_t>(done),
                          static_cast<std::uint64_t>(total));
    };
  }
  ProbeOptions reference = float32_reference(options_);
  if (options_.model.shape.empty()) reference.model.model = options.reference_model;
  PARAPET_ASSIGN(const Attribution attribution,
                 attribute(probe_, reference, options_, prompts_of(sequences), how));
  PrecisionExplanation explanation;
  explanation.num_prompts = std::ssize(sequences);
  add_sources(attribution, explanation);
  add_places(attribution, explanation);
  return std::optional(std::move(explanation));
}

}  // namespace parapet
