#include "precision/divergence.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/parallel.h"

namespace parapet {
namespace {

double log_sum_exp(std::span<const float> logits) {
  const double max = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit} - max);
  return max + std::log(sum);
}

std::ptrdiff_t largest(std::span<const float> logits) {
  return std::ranges::max_element(logits) - logits.begin();
}

struct RowPair {
  std::span<const float> actual;
  std::span<const float> expected;
};

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

namespace {

LogitDivergence row_divergence(const RowPair& row) {
  const double error = relative_l2(row.actual, row.expected);
  return {.relative_l2 = error,
          .rms_relative_l2 = error,
          .kl = kl_divergence(row.actual, row.expected),
          .agreement = largest(row.actual) == largest(row.expected) ? 1.0 : 0.0};
}

}  // namespace

LogitDivergence logit_divergence(std::span<const ProbeOutput> variant,
                                 std::span<const ProbeOutput> reference, std::int64_t vocab_size,
                                 int num_threads) {
  PARAPET_CHECK(variant.size() == reference.size());
  const auto vocab = static_cast<std::size_t>(vocab_size);
  std::vector<RowPair> rows;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    PARAPET_CHECK(variant[i].logits.size() == reference[i].logits.size());
    for (std::size_t begin = 0; begin < reference[i].logits.size(); begin += vocab) {
      rows.push_back({std::span(variant[i].logits).subspan(begin, vocab),
                      std::span(reference[i].logits).subspan(begin, vocab)});
    }
  }
  // One exponential for each of 151,936 tokens, twice: what takes long is shared out.
  std::vector<LogitDivergence> each(rows.size());
  for_each_task(rows.size(), num_threads,
                [&](std::size_t row) { each[row] = row_divergence(rows[row]); }, {});
  LogitDivergence mean;
  if (rows.empty()) return mean;
  for (const LogitDivergence& row : each) {
    mean.relative_l2 += row.relative_l2;
    mean.rms_relative_l2 += row.relative_l2 * row.relative_l2;
    mean.kl += row.kl;
    mean.agreement += row.agreement;
  }
  const auto count = static_cast<double>(rows.size());
  return {.relative_l2 = mean.relative_l2 / count,
          .rms_relative_l2 = std::sqrt(mean.rms_relative_l2 / count),
          .kl = mean.kl / count,
          .agreement = mean.agreement / count};
}

}  // namespace parapet
