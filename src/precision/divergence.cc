#include "precision/divergence.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace parapet {
namespace {

double log_sum_exp(std::span<const float> logits) {
  const double max = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit} - max);
  return max + std::log(sum);
}

}  // namespace

double relative_l2(std::span<const float> actual, std::span<const float> expected) {
  PARAPET_CHECK(actual.size() == expected.size());
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double delta = double{actual[i]} - double{expected[i]};
    difference += delta * delta;
    norm += double{expected[i]} * double{expected[i]};
  }
  if (norm == 0) return difference == 0 ? 0 : 1;
  return std::sqrt(difference / norm);
}

double cosine_similarity(std::span<const float> actual, std::span<const float> expected) {
  PARAPET_CHECK(actual.size() == expected.size());
  double dot = 0;
  double actual_norm = 0;
  double expected_norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    dot += double{actual[i]} * double{expected[i]};
    actual_norm += double{actual[i]} * double{actual[i]};
    expected_norm += double{expected[i]} * double{expected[i]};
  }
  if (actual_norm == 0 && expected_norm == 0) return 1;
  if (actual_norm == 0 || expected_norm == 0) return 0;
  return dot / (std::sqrt(actual_norm) * std::sqrt(expected_norm));
}

double kl_divergence(std::span<const float> actual, std::span<const float> expected) {
  PARAPET_CHECK(actual.size() == expected.size() && !expected.empty());
  const double actual_total = log_sum_exp(actual);
  const double expected_total = log_sum_exp(expected);
  double sum = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double expected_log = double{expected[i]} - expected_total;
    sum += std::exp(expected_log) * (expected_log - (double{actual[i]} - actual_total));
  }
  return std::max(sum, 0.0);  // it is no less; its sum may be, by rounding
}

LogitDivergence logit_divergence(std::span<const ProbeOutput> variant,
                                 std::span<const ProbeOutput> reference, std::int64_t vocab_size) {
  PARAPET_CHECK(variant.size() == reference.size());
  const auto vocab = static_cast<std::size_t>(vocab_size);
  LogitDivergence mean;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    PARAPET_CHECK(variant[i].logits.size() == reference[i].logits.size());
    for (std::size_t begin = 0; begin < reference[i].logits.size(); begin += vocab, ++rows) {
      const auto actual = std::span(variant[i].logits).subspan(begin, vocab);
      const auto expected = std::span(reference[i].logits).subspan(begin, vocab);
      const double error = relative_l2(actual, expected);
      mean.relative_l2 += error;
      mean.rms_relative_l2 += error * error;
      mean.kl += kl_divergence(actual, expected);
      const bool agree = std::ranges::max_element(actual) - actual.begin() ==
                         std::ranges::max_element(expected) - expected.begin();
      mean.agreement += agree ? 1 : 0;
    }
  }
  if (rows == 0) return mean;
  const auto count = static_cast<double>(rows);
  return {.relative_l2 = mean.relative_l2 / count,
          .rms_relative_l2 = std::sqrt(mean.rms_relative_l2 / count),
          .kl = mean.kl / count,
          .agreement = mean.agreement / count};
}

}  // namespace parapet
