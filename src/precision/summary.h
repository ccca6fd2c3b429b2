// Rows of differences put together: over a prompt, and over all of them.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "parapet/precision.h"
#include "precision/metrics.h"

namespace parapet {

// Every row counts the same.
class MetricsSum {
 public:
  void add(const RowDifference& row);
  PrecisionMetrics metrics() const;

 private:
  PrecisionMetrics total_;  // its averages are sums
};

// What plots are drawn of. Whole rows only: both sides' logits of a token must be on one scale.
class DifferenceSample {
 public:
  // Of `num_rows` rows to come, so many points are kept in all.
  explicit DifferenceSample(std::int64_t num_rows) : num_rows_(num_rows) {}

  // The same tokens of both sides.
  void add(std::span<const float> reference, std::span<const float> candidate);
  const DifferenceHistogram& histogram() const { return histogram_; }
  const std::vector<std::pair<float, float>>& scatter() const { return scatter_; }

 private:
  std::int64_t num_rows_;
  DifferenceHistogram histogram_;
  std::vector<std::pair<float, float>> scatter_;
};

// One bin's ends: DifferenceHistogram::kLeast times powers of a ratio.
double histogram_bin_begin(int bin);

// The thresholds, each with what was measured, and whether all are met.
std::vector<PrecisionThresholdResult> check_thresholds(const PrecisionEval& eval,
                                                       const PrecisionThresholds& thresholds);
// "PASS: 100% token agreement, cos_sim=0.9999, all safety labels match"
std::string verdict_line(const PrecisionEval& eval);

}  // namespace parapet
