#include "precision_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "terminal.h"

namespace parapet::cli {
namespace {

void print_metrics(const PrecisionEval& eval) {
  const Table table({30, 14, 12, 8});
  table.print({{"metric", Color::kBold},
               {"measured", Color::kBold},
               {"threshold", Color::kBold},
               {"", Color::kBold}});
  const auto row = [&](const char* name, const std::string& value) {
    const auto at = std::ranges::find(eval.thresholds, name, &PrecisionThresholdResult::name);
    if (at == eval.thresholds.end()) return table.print({{name}, {value}, {""}, {""}});
    table.print({{name},
                 {value},
                 {fmt::format("{} {:g}", at->at_least ? ">=" : "<=", at->limit)},
                 at->passed ? Cell{"met", Color::kGreen} : Cell{"missed", Color::kRed}});
  };
  const PrecisionMetrics& metrics = eval.metrics;
  row("token_agreement_rate_pct", fmt::format("{:.4g}", metrics.token_agreement_pct()));
  row("avg_cosine_similarity", fmt::format("{:.6f}", metrics.avg_cosine));
  row("min_cosine_similarity", fmt::format("{:.6f}", metrics.min_cosine));
  row("pearson_correlation", fmt::format("{:.6f}", metrics.pearson));
  row("avg_kl_divergence", fmt::format("{:.3g}", metrics.avg_kl));
  row("avg_relative_error_pct", fmt::format("{:.4g}", metrics.avg_relative_error_pct));
  row("max_relative_error_pct", fmt::format("{:.4g}", metrics.max_relative_error_pct));
  row("max_abs_logit_diff", fmt::format("{:.3g}", metrics.max_abs_diff));
  row("mean_abs_logit_diff", fmt::format("{:.3g}", metrics.mean_abs_diff));
  row("min_top1_margin", fmt::format("{:.3g}", metrics.min_margin));
  row("rows_within_noise", fmt::format("{}/{}", metrics.num_within_noise, metrics.num_rows));
  const auto share = [&](const char* name, const std::optional<double>& value) {
    if (value) row(name, fmt::format("{:.4g}", *value));
  };
  share("output_text_match_pct", eval.text_match_pct());
  share("safety_label_match_pct", eval.label_match_pct());
  share("safety_category_match_pct", eval.category_match_pct());
  share("max_label_probability_shift", eval.max_label_shift());
}

void print_prompts(const PrecisionEval& eval) {
  constexpr std::size_t kMostRows = 30;
  const Table table({40, 12, 12, 10, 10, 10});
  table.print({{"prompt", Color::kBold},
               {"candidate", Color::kBold},
               {"reference", Color::kBold},
               {"cosine", Color::kBold},
               {"rel. error", Color::kBold},
               {"agree", Color::kBold}});
  for (std::size_t i = 0; i < std::min(eval.prompts.size(), kMostRows); ++i) {
    const PromptPrecision& prompt = eval.prompts[i];
    const PrecisionMetrics& metrics = prompt.metrics;
    table.print({{prompt.text},
                 {prompt.candidate_token},
                 {prompt.reference_token},
                 {fmt::format("{:.6f}", metrics.avg_cosine)},
                 {fmt::format("{:.3g}%", metrics.avg_relative_error_pct)},
                 {fmt::format("{}/{}", metrics.num_agreeing, metrics.num_rows),
                  metrics.num_agreeing == metrics.num_rows ? Color::kGreen : Color::kRed}});
  }
  if (eval.prompts.size() > kMostRows) {
    fmt::print("... and {} more; --output has all\n", eval.prompts.size() - kMostRows);
  }
}

void print_explanation(const PrecisionExplanation& explanation) {
  fmt::print("\n");
  const Table table({20, 10, 10, 60});
  table.print({{"source of error", Color::kBold},
               {"alone", Color::kBold},
               {"share", Color::kBold},
               {"", Color::kBold}});
  for (const ErrorSource& each : explanation.sources) {
    const bool none = !each.none_because.empty();
    table.print({{each.name},
                 {none ? "0" : fmt::format("{:.3g}%", each.relative_error_pct)},
                 {none ? "" : fmt::format("{:.3g}%", each.share_pct)},
                 {none ? each.none_because : each.what, Color::kDim}});
  }
  if (!explanation.operators.empty()) {
    const OperatorPrecision& worst = explanation.operators.front();
    fmt::print("\nThe operator that adds most: {}, {:.3g}%; most in layer {}.\n", worst.op,
               worst.own_relative_error_pct, worst.worst_layer);
  }
  if (explanation.suspect_layer) {
    fmt::print("{}\n",
               colored(fmt::format("Layer {} is out of line, by its {}: look there first.",
                                   *explanation.suspect_layer, explanation.suspect_operator),
                       Color::kYellow));
  }
}

}  // namespace

void print_precision(const PrecisionEval& eval) {
  fmt::print("{} against {}\n\n", eval.candidate.spec, eval.reference.spec);
  print_metrics(eval);
  fmt::print("\n");
  print_prompts(eval);
  if (eval.explanation) print_explanation(*eval.explanation);
  if (eval.compared_on == "top_logprobs") {
    fmt::print("\nCompared on what the server told: {} tokens a row.\n", eval.metrics.min_compared);
  }
  fmt::print("\n{}\n", colored(eval.verdict, eval.passed ? Color::kGreen : Color::kRed));
}

}  // namespace parapet::cli
