#include "precision/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace parapet {
namespace {

constexpr std::int64_t kScatterPoints = 1500;

// The share, in percent, of the prompts for which `matches` has an answer.
template <class Matches>
std::optional<double> share_pct(const std::vector<PromptPrecision>& prompts, Matches matches) {
  std::int64_t count = 0;
  std::int64_t matching = 0;
  for (const PromptPrecision& prompt : prompts) {
    const std::optional<bool> match = matches(prompt);
    if (!match) continue;
    ++count;
    if (*match) ++matching;
  }
  if (count == 0) return std::nullopt;
  return 100.0 * static_cast<double>(matching) / static_cast<double>(count);
}

// A verdict that the reference does not give cannot be matched.
bool has_reference(const PromptPrecision& prompt) {
  return prompt.verdict && prompt.verdict->reference_safety;
}

}  // namespace

std::optional<double> PrecisionEval::text_match_pct() const {
  return share_pct(prompts, [](const PromptPrecision& prompt) -> std::optional<bool> {
    if (!prompt.reference_text || !prompt.candidate_text) return std::nullopt;
    return *prompt.reference_text == *prompt.candidate_text;
  });
}

std::optional<double> PrecisionEval::label_match_pct() const {
  return share_pct(prompts, [](const PromptPrecision& prompt) -> std::optional<bool> {
    if (!has_reference(prompt)) return std::nullopt;
    return prompt.verdict->label_matches();
  });
}

std::optional<double> PrecisionEval::category_match_pct() const {
  return share_pct(prompts, [](const PromptPrecision& prompt) -> std::optional<bool> {
    if (!has_reference(prompt)) return std::nullopt;
    return prompt.verdict->matches();
  });
}

std::optional<double> PrecisionEval::max_label_shift() const {
  std::optional<double> largest;
  for (const PromptPrecision& prompt : prompts) {
    if (prompt.label) largest = std::max(largest.value_or(0), prompt.label->shift);
  }
  return largest;
}

void MetricsSum::add(const RowDifference& row) {
  PrecisionMetrics& total = total_;
  if (total.num_rows == 0) {
    total.min_cosine = total.min_pearson = total.min_margin =
        std::numeric_limits<double>::infinity();
    total.min_compared = std::numeric_limits<std::int64_t>::max();
  }
  ++total.num_rows;
  if (row.agrees()) ++total.num_agreeing;
  if (row.within_noise()) ++total.num_within_noise;
  total.avg_cosine += row.cosine;
  total.min_cosine = std::min(total.min_cosine, row.cosine);
  total.pearson += row.pearson;
  total.min_pearson = std::min(total.min_pearson, row.pearson);
  total.avg_relative_error_pct += 100 * row.relative_l2;
  total.max_relative_error_pct = std::max(total.max_relative_error_pct, 100 * row.relative_l2);
  total.avg_kl += row.kl;
  total.max_kl = std::max(total.max_kl, row.kl);
  total.max_abs_diff = std::max(total.max_abs_diff, row.max_abs);
  total.mean_abs_diff += row.mean_abs;
  total.min_margin = std::min(total.min_margin, row.margin);
  total.min_compared = std::min(total.min_compared, row.num_compared);
}

PrecisionMetrics MetricsSum::metrics() const {
  PrecisionMetrics metrics = total_;
  if (metrics.num_rows == 0) return metrics;
  const auto rows = static_cast<double>(metrics.num_rows);
  metrics.avg_cosine /= rows;
  metrics.pearson /= rows;
  metrics.avg_relative_error_pct /= rows;
  metrics.avg_kl /= rows;
  metrics.mean_abs_diff /= rows;
  return metrics;
}

void DifferenceSample::add(std::span<const float> reference, std::span<const float> candidate) {
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double difference = std::abs(static_cast<double>(candidate[i]) - reference[i]);
    if (difference < DifferenceHistogram::kLeast) {
      ++histogram_.num_equal;
      continue;
    }
    const auto bin = static_cast<int>(std::log10(difference / DifferenceHistogram::kLeast) *
                                      DifferenceHistogram::kBinsPerDecade);
    ++histogram_.counts[static_cast<std::size_t>(std::min(bin, DifferenceHistogram::kBins - 1))];
  }
  // Every n-th token and the likely ones, which are few among so many and matter most.
  const auto wanted =
      std::max<std::int64_t>(1, kScatterPoints / std::max<std::int64_t>(1, num_rows_));
  const std::size_t stride =
      std::max<std::size_t>(1, reference.size() / static_cast<std::size_t>(wanted));
  for (std::size_t i = 0; i < reference.size(); i += stride) {
    scatter_.emplace_back(reference[i], candidate[i]);
  }
  const auto largest = std::ranges::max_element(reference) - reference.begin();
  scatter_.emplace_back(reference[static_cast<std::size_t>(largest)],
                        candidate[static_cast<std::size_t>(largest)]);
}

double histogram_bin_begin(int bin) {
  return DifferenceHistogram::kLeast *
         std::pow(10, static_cast<double>(bin) / DifferenceHistogram::kBinsPerDecade);
}

std::vector<PrecisionThresholdResult> check_thresholds(const PrecisionEval& eval,
                                                       const PrecisionThresholds& thresholds) {
  std::vector<PrecisionThresholdResult> results;
  const auto at_least = [&](const char* name, double value, double limit) {
    results.push_back({name, value, limit, true, value >= limit});
  };
  const PrecisionMetrics& metrics = eval.metrics;
  at_least("token_agreement_rate_pct", metrics.token_agreement_pct(),
           thresholds.min_token_agreement_pct);
  at_least("avg_cosine_similarity", metrics.avg_cosine, thresholds.min_cosine);
  at_least("min_cosine_similarity", metrics.min_cosine, thresholds.min_cosine);
  at_least("pearson_correlation", metrics.pearson, thresholds.min_pearson);
  results.push_back({"avg_kl_divergence", metrics.avg_kl, thresholds.max_kl_divergence, false,
                     metrics.avg_kl <= thresholds.max_kl_divergence});
  if (const auto labels = eval.label_match_pct()) {
    at_least("safety_label_match_pct", *labels, thresholds.min_label_match_pct);
  }
  return results;
}

std::string verdict_line(const PrecisionEval& eval) {
  std::string line =
      fmt::format("{}: {:.4g}% token agreement, cos_sim={:.6f}", eval.passed ? "PASS" : "FAIL",
                  eval.metrics.token_agreement_pct(), eval.metrics.avg_cosine);
  if (const auto labels = eval.label_match_pct()) {
    line += *labels == 100 ? std::string(", all safety labels match")
                           : fmt::format(", {:.4g}% of safety labels match", *labels);
  }
  std::string missed;
  for (const PrecisionThresholdResult& each : eval.thresholds) {
    if (!each.passed) missed += (missed.empty() ? "" : ", ") + each.name;
  }
  return missed.empty() ? line : line + "; missed: " + missed;
}

}  // namespace parapet
