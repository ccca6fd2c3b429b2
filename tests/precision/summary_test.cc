#include "precision/summary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace parapet {
namespace {

RowDifference row(double cosine, double kl, bool agrees) {
  RowDifference row;
  row.num_compared = 10;
  row.cosine = row.pearson = cosine;
  row.relative_l2 = 0.02;
  row.kl = kl;
  row.max_abs = 0.5;
  row.mean_abs = 0.25;
  row.margin = agrees ? 3 : 0.5;
  row.candidate_token = agrees ? 0 : 1;
  return row;
}

TEST(MetricsSum, AveragesAndExtremes) {
  MetricsSum sum;
  sum.add(row(1, 0.02, true));
  sum.add(row(0.5, 0, false));
  const PrecisionMetrics metrics = sum.metrics();
  EXPECT_EQ(metrics.num_rows, 2);
  EXPECT_EQ(metrics.token_agreement_pct(), 50);
  EXPECT_EQ(metrics.avg_cosine, 0.75);
  EXPECT_EQ(metrics.min_cosine, 0.5);
  EXPECT_EQ(metrics.avg_relative_error_pct, 2);
  EXPECT_EQ(metrics.avg_kl, 0.01);
  EXPECT_EQ(metrics.max_kl, 0.02);
  EXPECT_EQ(metrics.min_margin, 0.5);
  EXPECT_EQ(metrics.num_within_noise, 1);
  EXPECT_EQ(metrics.min_compared, 10);
  EXPECT_EQ(MetricsSum().metrics().num_rows, 0);
}

PromptPrecision guard_prompt(std::optional<Safety> reference, std::optional<Safety> candidate) {
  PromptPrecision prompt;
  prompt.guard = true;
  prompt.verdict = VerdictPrecision{reference, candidate, {}, {}};
  return prompt;
}

PrecisionEval eval_of(double cosine, std::vector<PromptPrecision> prompts) {
  MetricsSum sum;
  sum.add(row(cosine, 0, true));
  PrecisionEval eval;
  eval.metrics = sum.metrics();
  eval.prompts = std::move(prompts);
  eval.thresholds = check_thresholds(eval, {});
  eval.passed = std::ranges::all_of(eval.thresholds, &PrecisionThresholdResult::passed);
  return eval;
}

TEST(Thresholds, AreMetOrNamed) {
  const PrecisionEval good =
      eval_of(0.9995, {guard_prompt(Safety::kSafe, Safety::kSafe), guard_prompt({}, {})});
  EXPECT_TRUE(good.passed);
  EXPECT_EQ(verdict_line(good),
            "PASS: 100% token agreement, cos_sim=0.999500, all safety labels match");
  const PrecisionEval bad = eval_of(
      0.99, {guard_prompt(Safety::kSafe, Safety::kUnsafe), guard_prompt(Safety::kSafe, {})});
  EXPECT_FALSE(bad.passed);
  EXPECT_EQ(verdict_line(bad),
            "FAIL: 100% token agreement, cos_sim=0.990000, 0% of safety labels match; missed: "
            "avg_cosine_similarity, min_cosine_similarity, pearson_correlation, "
            "safety_label_match_pct");
  // An answer of the reference that is no verdict cannot be matched, and does not count.
  EXPECT_FALSE(eval_of(1, {guard_prompt({}, Safety::kSafe)}).label_match_pct());
}

TEST(DifferenceSample, CountsEveryLogitOnce) {
  DifferenceSample sample(1);
  std::vector<float> reference(4000, 1.0F);
  std::vector<float> candidate = reference;
  candidate[0] = 1.5F;
  candidate[1] = 1e9F;  // beyond the last bin
  sample.add(reference, candidate);
  const DifferenceHistogram& histogram = sample.histogram();
  EXPECT_EQ(histogram.num_equal, 3998);
  EXPECT_EQ(std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0LL), 2);
  EXPECT_EQ(histogram.counts.back(), 1);
  for (int bin = 0; bin < DifferenceHistogram::kBins; ++bin) {
    const bool holds = histogram_bin_begin(bin) <= 0.5 && 0.5 < histogram_bin_begin(bin + 1);
    if (holds) {
      EXPECT_EQ(histogram.counts[static_cast<std::size_t>(bin)], 1);
    }
  }
  EXPECT_GT(sample.scatter().size(), 1000U);
  EXPECT_LT(sample.scatter().size(), 3000U);
}

}  // namespace
}  // namespace parapet
