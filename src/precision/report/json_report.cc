// The report for machines. docs/precision-eval.schema.json describes it, and a test holds it to
// that.
#include <nlohmann/json.hpp>

#include "parapet/precision.h"
#include "precision/summary.h"

namespace parapet {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }
template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json side_json(const PrecisionSide& side) {
  return {{"spec", side.spec},
          {"kind", side.kind},
          {"device", or_null(side.device)},
          {"isa", or_null(side.isa)},
          {"num_threads", side.num_threads == 0 ? Json() : Json(side.num_threads)},
          {"weights_dtype", or_null(side.weights_dtype)},
          {"activation_dtype", or_null(side.activation_dtype)},
          {"kv_cache_dtype", or_null(side.kv_cache_dtype)},
          {"version", or_null(side.version)},
          {"served_model", or_null(side.served_model)},
          {"load_seconds", side.load_seconds},
          {"run_seconds", side.run_seconds}};
}

// The card's keys, of all prompts or of one.
Json metrics_json(const PrecisionMetrics& metrics) {
  return {{"token_agreement_rate_pct", metrics.token_agreement_pct()},
          {"avg_cosine_similarity", metrics.avg_cosine},
          {"pearson_correlation", metrics.pearson},
          {"avg_relative_error_pct", metrics.avg_relative_error_pct},
          {"avg_kl_divergence", metrics.avg_kl},
          {"min_cosine_similarity", metrics.min_cosine},
          {"min_pearson_correlation", metrics.min_pearson},
          {"max_relative_error_pct", metrics.max_relative_error_pct},
          {"max_kl_divergence", metrics.max_kl},
          {"max_abs_logit_diff", metrics.max_abs_diff},
          {"mean_abs_logit_diff", metrics.mean_abs_diff},
          {"min_top1_margin", metrics.min_margin},
          {"rows", metrics.num_rows},
          {"rows_agreeing", metrics.num_agreeing},
          {"rows_within_noise", metrics.num_within_noise},
          {"min_logits_compared", metrics.min_compared}};
}

Json safety_json(const std::optional<Safety>& safety) {
  return safety ? Json(to_string(*safety)) : Json();
}

Json verdict_json(const VerdictPrecision& verdict) {
  return {{"reference", safety_json(verdict.reference_safety)},
          {"candidate", safety_json(verdict.candidate_safety)},
          {"reference_categories", verdict.reference_categories},
          {"candidate_categories", verdict.candidate_categories},
          {"label_matches", verdict.label_matches()},
          {"categories_match", verdict.matches()}};
}

Json probabilities_json(const LabelProbabilities& probabilities) {
  return {{"Safe", probabilities.safe},
          {"Controversial", probabilities.controversial},
          {"Unsafe", probabilities.unsafe},
          {"label_mass", probabilities.label_mass}};
}

Json label_json(const LabelPrecision& label) {
  return {{"reference", probabilities_json(label.reference)},
          {"candidate", probabilities_json(label.candidate)},
          {"shift", label.shift}};
}

Json prompt_json(const PromptPrecision& prompt) {
  Json json = {{"id", prompt.id},
               {"text", prompt.text},
               {"guard", prompt.guard},
               {"prompt_tokens", prompt.num_prompt_tokens},
               {"reference_token", prompt.reference_token},
               {"candidate_token", prompt.candidate_token},
               {"reference_text", or_null(prompt.reference_text)},
               {"candidate_text", or_null(prompt.candidate_text)},
               {"verdict", prompt.verdict ? verdict_json(*prompt.verdict) : Json()},
               {"label_probabilities", prompt.label ? label_json(*prompt.label) : Json()}};
  json.update(metrics_json(prompt.metrics));
  return json;
}

Json sources_json(const PrecisionExplanation& explanation) {
  Json sources = Json::array();
  for (const ErrorSource& each : explanation.sources) {
    sources.push_back({{"source", each.name},
                       {"what", each.what},
                       {"none_because", or_null(each.none_because)},
                       {"relative_error_pct", each.relative_error_pct},
                       {"together_pct", each.together_pct},
                       {"share_pct", each.share_pct},
                       {"avg_kl_divergence", each.kl}});
  }
  return sources;
}

Json layers_json(const PrecisionExplanation& explanation) {
  Json layers = Json::array();
  for (const LayerPrecision& each : explanation.layers) {
    layers.push_back({{"layer", each.layer},
                      {"cosine_similarity", each.cosine},
                      {"relative_error_pct", each.relative_error_pct},
                      {"own_relative_error_pct", each.own_relative_error_pct}});
  }
  return layers;
}

Json operators_json(const PrecisionExplanation& explanation) {
  Json operators = Json::array();
  for (const OperatorPrecision& each : explanation.operators) {
    operators.push_back({{"operator", each.op},
                         {"own_relative_error_pct", each.own_relative_error_pct},
                         {"worst_layer", each.worst_layer},
                         {"worst_own_relative_error_pct", each.worst_own_relative_error_pct}});
  }
  return operators;
}

Json other_kernels_json(const PrecisionExplanation& explanation) {
  if (explanation.other_kernels.empty()) return {};
  return {{"isa", explanation.other_kernels},
          {"reference_relative_error_pct", explanation.reference_on_other_kernels_pct},
          {"candidate_relative_error_pct", explanation.candidate_on_other_kernels_pct}};
}

Json explanation_json(const std::optional<PrecisionExplanation>& explanation) {
  if (!explanation) return {};
  return {{"prompts", explanation->num_prompts},
          {"sources", sources_json(*explanation)},
          {"total_relative_error_pct", explanation->total_relative_error_pct},
          {"summed_relative_error_pct", explanation->summed_relative_error_pct},
          {"layers", layers_json(*explanation)},
          {"operators", operators_json(*explanation)},
          {"suspect_layer", or_null(explanation->suspect_layer)},
          {"suspect_operator", or_null(explanation->suspect_operator)},
          {"other_kernels", other_kernels_json(*explanation)}};
}

Json thresholds_json(const std::vector<PrecisionThresholdResult>& thresholds) {
  Json all = Json::array();
  for (const PrecisionThresholdResult& each : thresholds) {
    all.push_back({{"metric", each.name},
                   {"value", each.value},
                   {"limit", each.limit},
                   {"bound", each.at_least ? "at_least" : "at_most"},
                   {"passed", each.passed}});
  }
  return all;
}

Json histogram_json(const DifferenceHistogram& histogram) {
  Json bins = Json::array();
  for (int i = 0; i < DifferenceHistogram::kBins; ++i) {
    bins.push_back({{"from", histogram_bin_begin(i)},
                    {"to", histogram_bin_begin(i + 1)},
                    {"count", histogram.counts[static_cast<std::size_t>(i)]}});
  }
  return {{"equal", histogram.num_equal}, {"bins", bins}};
}

Json checkpoint_json(const PrecisionCheckpoint& checkpoint) {
  return {{"name", checkpoint.name},
          {"architecture", checkpoint.architecture},
          {"num_layers", checkpoint.num_layers},
          {"hidden_size", checkpoint.hidden_size},
          {"vocab_size", checkpoint.vocab_size},
          {"dummy_weights", checkpoint.dummy},
          {"weights_seed", checkpoint.dummy ? Json(checkpoint.seed) : Json()},
          {"sha256", or_null(checkpoint.sha256)}};
}

Json machine_json(const PrecisionMachine& machine) {
  return {{"cpu", or_null(machine.cpu)},
          {"num_cpus", machine.num_cpus},
          {"memory_bytes", machine.memory_bytes},
          {"system", or_null(machine.system)}};
}

}  // namespace

std::string precision_json(const PrecisionEval& eval) {
  Json json = metrics_json(eval.metrics);
  // Where the card has it: behind the numbers that it sums up.
  Json head = Json::object();
  for (const char* key : {"token_agreement_rate_pct", "avg_cosine_similarity",
                          "pearson_correlation", "avg_relative_error_pct", "avg_kl_divergence"}) {
    head[key] = json[key];
    json.erase(key);
  }
  head["verdict"] = eval.verdict;
  head["passed"] = eval.passed;
  head.update(json);
  head["output_text_match_pct"] = or_null(eval.text_match_pct());
  head["safety_label_match_pct"] = or_null(eval.label_match_pct());
  head["safety_category_match_pct"] = or_null(eval.category_match_pct());
  head["max_label_probability_shift"] = or_null(eval.max_label_shift());
  head["thresholds"] = thresholds_json(eval.thresholds);
  head["compared_on"] = eval.compared_on;
  head["positions"] = to_string(eval.positions);
  head["max_tokens"] = eval.max_tokens;
  head["created"] = eval.created;
  head["parapet_version"] = version();
  head["reference"] = side_json(eval.reference);
  head["candidate"] = side_json(eval.candidate);
  head["checkpoint"] = checkpoint_json(eval.checkpoint);
  head["machine"] = machine_json(eval.machine);
  head["prompts"] = Json::array();
  for (const PromptPrecision& prompt : eval.prompts) head["prompts"].push_back(prompt_json(prompt));
  head["explanation"] = explanation_json(eval.explanation);
  head["difference_histogram"] = histogram_json(eval.histogram);
  head["total_seconds"] = eval.total_seconds;
  return head.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace parapet
