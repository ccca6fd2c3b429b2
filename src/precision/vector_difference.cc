#include "precision/vector_difference.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace parapet {

template <class T>
double relative_l2(std::span<const T> actual, std::span<const T> expected) {
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

template <class T>
double cosine_similarity(std::span<const T> actual, std::span<const T> expected) {
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

template double relative_l2(std::span<const float>, std::span<const float>);
template double relative_l2(std::span<const double>, std::span<const double>);
template double cosine_similarity(std::span<const float>, std::span<const float>);
template double cosine_similarity(std::span<const double>, std::span<const double>);

double log_sum_exp(std::span<const float> logits) {
  const double max = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit} - max);
  return max + std::log(sum);
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

}  // namespace parapet
