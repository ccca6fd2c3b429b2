#include "precision/report/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "precision/report/words.h"

namespace parapet {
namespace {

// More rows are for the JSON file.
constexpr std::size_t kMostRows = 50;

std::string percent(double value) { return fmt::format("{:.4g}%", value); }
std::string fixed(double value) { return fmt::format("{:.6f}", value); }
std::string few_digits(double value) { return fmt::format("{:.3g}", value); }
std::string error_pct(double value) {
  return value >= 0.01 || value == 0 ? fmt::format("{:.2f}%", value)
                                     : fmt::format("{:.2g}%", value);
}
// A word's token begins with a space, which a cell has no use for.
std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? text : text.substr(begin);
}
const char* mark(bool good) { return good ? "✅" : "❌"; }

class Sections {
 public:
  Sections(const PrecisionEval& eval, ReportLanguage language)
      : eval_(eval), words_(report_words(language)) {}

  std::vector<ReportSection> build() {
    add_setup();
    add_metrics();
    add_prompts();
    if (eval_.explanation) add_explanation(*eval_.explanation);
    add_safety();
    add_data();
    return std::move(sections_);
  }

 private:
  ReportSection& section(SectionKind kind, std::string heading,
                         std::vector<std::string> columns = {}) {
    ReportSection& added = sections_.emplace_back();
    added.kind = kind;
    added.heading = std::move(heading);
    added.columns = std::move(columns);
    return added;
  }

  static std::string side_text(const PrecisionSide& side) {
    std::string text = side.spec;
    const auto add = [&text](const std::string& more) {
      if (!more.empty()) text += " · " + more;
    };
    add(side.served_model);
    add(side.kind == "server" ? side.device + (side.version.empty() ? "" : " " + side.version)
                              : side.device + (side.isa.empty() ? "" : " (" + side.isa + ")"));
    if (!side.weights_dtype.empty()) add("weights " + side.weights_dtype);
    if (!side.activation_dtype.empty()) add("activations " + side.activation_dtype);
    if (!side.kv_cache_dtype.empty()) add("KV cache " + side.kv_cache_dtype);
    return text;
  }

  std::string checkpoint_text() const {
    const PrecisionCheckpoint& checkpoint = eval_.checkpoint;
    std::string text =
        fmt::format("{} · {} · {} × {} · vocab {}", checkpoint.name, checkpoint.architecture,
                    checkpoint.num_layers, checkpoint.hidden_size, checkpoint.vocab_size);
    if (checkpoint.dummy) {
      return text + " · " + fmt::format(fmt::runtime(words_.dummy_weights), checkpoint.seed);
    }
    return text + " · sha256 " + checkpoint.sha256.substr(0, 16);
  }

  std::string compared_text() const {
    if (eval_.compared_on == "logits") return words_.compared_logits;
    if (eval_.compared_on == "logprobs") return words_.compared_logprobs;
    return fmt::format(fmt::runtime(words_.compared_top), eval_.metrics.min_compared);
  }

  const char* positions_text() const {
    switch (eval_.positions) {
      case PrecisionPositions::kLast: return words_.position_last;
      case PrecisionPositions::kGenerated: return words_.position_generated;
      case PrecisionPositions::kAll: return words_.position_all;
    }
    return "";
  }

  void add_setup() {
    const auto guards = std::ranges::count_if(eval_.prompts, &PromptPrecision::guard);
    const PrecisionMachine& machine = eval_.machine;
    ReportSection& added =
        section(SectionKind::kSetup, words_.setup, {words_.item, words_.description});
    added.rows = {
        {words_.candidate, side_text(eval_.candidate)},
        {words_.reference, side_text(eval_.reference)},
        {words_.checkpoint, checkpoint_text()},
        {words_.prompts, fmt::format(fmt::runtime(words_.prompt_counts),
                                     std::ssize(eval_.prompts) - guards, guards)},
        {words_.positions, positions_text()},
        {words_.compared, compared_text()},
        {words_.machine,
         fmt::format("{} · {} CPUs · {:.1f} GiB · {}", machine.cpu, machine.num_cpus,
                     static_cast<double>(machine.memory_bytes) / (1 << 30), machine.system)},
        {words_.made, fmt::format(fmt::runtime(words_.took),
                                  std::string("Parapet ") + version() + ", " + eval_.created,
                                  eval_.total_seconds)}};
  }

  // The row's limit and judgement, where there is a threshold of that name.
  void metric_row(ReportSection& added, std::string name, std::string value,
                  const char* threshold = "") {
    const auto found =
        std::ranges::find(eval_.thresholds, threshold, &PrecisionThresholdResult::name);
    if (found == eval_.thresholds.end()) {
      added.rows.push_back({std::move(name), std::move(value), "—", "—"});
      return;
    }
    const bool is_percent = found->name.ends_with("_pct");
    added.rows.push_back(
        {std::move(name), std::move(value),
         fmt::format("{}{:g}{}", found->at_least ? "≥" : "≤", found->limit, is_percent ? "%" : ""),
         found->passed ? words_.met : words_.missed});
  }

  void add_metrics() {
    const PrecisionMetrics& metrics = eval_.metrics;
    ReportSection& added = section(
        SectionKind::kMetrics, words_.metrics,
        {words_.metric,
         fmt::format(fmt::runtime(words_.versus), eval_.candidate.spec, eval_.reference.spec),
         words_.threshold, words_.judgement});
    const auto row = [&](const std::string& name, std::string value, const char* threshold = "") {
      metric_row(added, name, std::move(value), threshold);
    };
    const std::string average = words_.average;
    const std::string least = words_.least;
    const std::string largest = words_.largest;
    row(words_.token_agreement,
        fmt::format("{} ({}/{})", percent(metrics.token_agreement_pct()), metrics.num_agreeing,
                    metrics.num_rows),
        "token_agreement_rate_pct");
    row(average + words_.cosine, fixed(metrics.avg_cosine), "avg_cosine_similarity");
    row(least + words_.cosine, fixed(metrics.min_cosine), "min_cosine_similarity");
    row(words_.pearson, fixed(metrics.pearson), "pearson_correlation");
    row(average + words_.relative_error, error_pct(metrics.avg_relative_error_pct));
    row(largest + words_.relative_error, error_pct(metrics.max_relative_error_pct));
    row(words_.kl, few_digits(metrics.avg_kl), "avg_kl_divergence");
    row(largest + words_.abs_diff, few_digits(metrics.max_abs_diff));
    row(words_.mean + std::string(words_.abs_diff), few_digits(metrics.mean_abs_diff));
    row(least + words_.margin, few_digits(metrics.min_margin));
    row(words_.within_noise, fmt::format("{}/{}", metrics.num_within_noise, metrics.num_rows));
    add_answer_metrics(added);
  }

  void add_answer_metrics(ReportSection& added) {
    if (const auto match = eval_.text_match_pct()) {
      metric_row(added, words_.text_match, percent(*match));
    }
    if (const auto match = eval_.label_match_pct()) {
      metric_row(added, words_.label_match, percent(*match), "safety_label_match_pct");
    }
    if (const auto match = eval_.category_match_pct()) {
      metric_row(added, words_.category_match, percent(*match));
    }
    if (const auto shift = eval_.max_label_shift()) {
      metric_row(added, words_.largest + std::string(words_.label_shift), few_digits(*shift));
    }
  }

  // Indexes of all prompts, or of those with the largest errors, in their order.
  std::vector<std::size_t> shown_prompts() const {
    std::vector<std::size_t> shown(eval_.prompts.size());
    for (std::size_t i = 0; i < shown.size(); ++i) shown[i] = i;
    if (shown.size() <= kMostRows) return shown;
    const auto error = [&](std::size_t i) {
      return eval_.prompts[i].metrics.max_relative_error_pct;
    };
    std::ranges::stable_sort(shown,
                             [&](std::size_t a, std::size_t b) { return error(a) > error(b); });
    shown.resize(kMostRows);
    std::ranges::sort(shown);
    return shown;
  }

  void add_prompts() {
    ReportSection& added =
        section(SectionKind::kPrompts, words_.by_prompt,
                {words_.number, words_.prompt,
                 fmt::format(fmt::runtime(words_.first_token), eval_.candidate.spec),
                 fmt::format(fmt::runtime(words_.first_token), eval_.reference.spec), words_.match,
                 "Cos Sim", "Rel Err", "KL", words_.margin});
    if (eval_.prompts.size() > kMostRows) {
      added.note = fmt::format(fmt::runtime(words_.only_worst), kMostRows);
    }
    for (const std::size_t i : shown_prompts()) {
      const PromptPrecision& prompt = eval_.prompts[i];
      const PrecisionMetrics& metrics = prompt.metrics;
      added.rows.push_back({std::to_string(i + 1), prompt.text, trimmed(prompt.candidate_token),
                            trimmed(prompt.reference_token),
                            fmt::format("{} {}/{}", mark(metrics.num_agreeing == metrics.num_rows),
                                        metrics.num_agreeing, metrics.num_rows),
                            fixed(metrics.avg_cosine), error_pct(metrics.avg_relative_error_pct),
                            few_digits(metrics.avg_kl), few_digits(metrics.min_margin)});
    }
  }

  void add_explanation(const PrecisionExplanation& explanation) {
    if (!explanation.sources.empty()) add_sources(explanation);
    if (!explanation.operators.empty()) {
      ReportSection& added =
          section(SectionKind::kOperators, words_.operators,
                  {words_.operator_name, words_.own_error, words_.worst_layer, words_.worst_error});
      for (const OperatorPrecision& each : explanation.operators) {
        added.rows.push_back({each.op, error_pct(each.own_relative_error_pct),
                              layer_text(each.worst_layer),
                              error_pct(each.worst_own_relative_error_pct)});
      }
    }
    if (!explanation.layers.empty()) add_layers(explanation);
  }

  // What stands before the first layer, and behind the last one.
  std::string layer_text(int layer) const {
    if (layer == 0) return words_.layer_embedding;
    return layer > eval_.checkpoint.num_layers ? words_.layer_head : std::to_string(layer);
  }

  void add_layers(const PrecisionExplanation& explanation) {
    ReportSection& added =
        section(SectionKind::kLayers, words_.layers,
                {words_.layer, words_.cosine, words_.relative_error, words_.own_error});
    if (explanation.suspect_layer) {
      added.note = fmt::format(fmt::runtime(words_.suspect_layer), *explanation.suspect_layer,
                               explanation.suspect_operator);
    }
    for (const LayerPrecision& each : explanation.layers) {
      added.rows.push_back({layer_text(each.layer), fmt::format("{:.8f}", each.cosine),
                            error_pct(each.relative_error_pct),
                            error_pct(each.own_relative_error_pct)});
    }
  }

  void add_sources(const PrecisionExplanation& explanation) {
    ReportSection& added = section(SectionKind::kSources, words_.why,
                                   {words_.source, words_.effect, words_.share, words_.together,
                                    words_.kl, words_.description});
    added.note = fmt::format(fmt::runtime(words_.sources_note), explanation.num_prompts);
    for (const ErrorSource& each : explanation.sources) {
      if (!each.none_because.empty()) {
        added.rows.push_back({each.name, "0", "—", "—", "—", each.none_because});
        continue;
      }
      added.rows.push_back({each.name, error_pct(each.relative_error_pct),
                            fmt::format("{:.1f}%", each.share_pct), error_pct(each.together_pct),
                            few_digits(each.kl), each.what});
    }
    added.rows.push_back({words_.summed_sources, error_pct(explanation.summed_relative_error_pct),
                          "100%", "—", "—", words_.summed_what});
    added.rows.push_back({words_.all_sources, error_pct(explanation.total_relative_error_pct), "—",
                          "—", "—", words_.all_what});
    if (explanation.other_kernels.empty()) return;
    const std::string kernels = words_.other_kernels + (": " + explanation.other_kernels);
    added.rows.push_back({kernels, error_pct(explanation.reference_on_other_kernels_pct), "—", "—",
                          "—", words_.other_kernels_reference});
    added.rows.push_back({kernels, error_pct(explanation.candidate_on_other_kernels_pct), "—", "—",
                          "—", words_.other_kernels_candidate});
  }

  std::string verdict_text(const std::optional<Safety>& safety,
                           const std::vector<std::string>& categories) const {
    if (!safety) return words_.no_verdict;
    std::string text = to_string(*safety);
    text += " (";
    for (std::size_t i = 0; i < categories.size(); ++i)
      text += (i == 0 ? "" : ", ") + categories[i];
    return text + (categories.empty() ? "None)" : ")");
  }

  void add_safety() {
    ReportSection added;
    added.kind = SectionKind::kSafety;
    added.heading = words_.safety;
    added.columns = {words_.safety_case,
                     fmt::format(fmt::runtime(words_.output), eval_.candidate.spec),
                     fmt::format(fmt::runtime(words_.output), eval_.reference.spec), words_.same,
                     words_.probability_shift};
    for (const std::size_t i : shown_prompts()) {
      const PromptPrecision& prompt = eval_.prompts[i];
      if (!prompt.verdict && !prompt.label) continue;
      const VerdictPrecision verdict = prompt.verdict.value_or(VerdictPrecision());
      added.rows.push_back({prompt.text,
                            verdict_text(verdict.candidate_safety, verdict.candidate_categories),
                            verdict_text(verdict.reference_safety, verdict.reference_categories),
                            verdict.reference_safety ? mark(verdict.matches()) : "—",
                            prompt.label ? few_digits(prompt.label->shift) : "—"});
    }
    if (!added.rows.empty()) sections_.push_back(std::move(added));
  }

  void add_data() {
    const PrecisionMetrics& metrics = eval_.metrics;
    const nlohmann::ordered_json json = {
        {"token_agreement_rate_pct", metrics.token_agreement_pct()},
        {"avg_cosine_similarity", metrics.avg_cosine},
        {"pearson_correlation", metrics.pearson},
        {"avg_relative_error_pct", metrics.avg_relative_error_pct},
        {"avg_kl_divergence", metrics.avg_kl},
        {"verdict", eval_.verdict}};
    section(SectionKind::kData, words_.raw_data).code = json.dump(2);
  }

  const PrecisionEval& eval_;
  const ReportWords& words_;
  std::vector<ReportSection> sections_;
};

}  // namespace

std::vector<ReportSection> report_sections(const PrecisionEval& eval, ReportLanguage language) {
  return Sections(eval, language).build();
}

}  // namespace parapet
