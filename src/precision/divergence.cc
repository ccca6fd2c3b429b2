#include "precision/divergence.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/parallel.h"

namespace parapet {
namespace {

std::ptrdiff_t largest(std::span<const float> logits) {
  return std::ranges::max_element(logits) - logits.begin();
}

struct RowPair {
  std::span<const float> actual;
  std::span<const float> expected;
};

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
