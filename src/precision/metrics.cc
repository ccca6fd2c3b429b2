#include "precision/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/check.h"
#include "precision/vector_difference.h"

namespace parapet {
namespace {

using Row = std::vector<double>;

Status check_finite(std::span<const float> row, const char* whose) {
  const auto wrong = std::ranges::find_if(row, [](float x) { return !std::isfinite(x); });
  if (wrong == row.end()) return {};
  return Error{ErrorCode::kNumeric, std::string("the ") + whose + "'s logit of token " +
                                        std::to_string(wrong - row.begin()) + " is " +
                                        std::to_string(*wrong)};
}

double mean(const Row& row) {
  return std::accumulate(row.begin(), row.end(), 0.0) / static_cast<double>(row.size());
}

Row centered(Row row) {
  const double middle = mean(row);
  for (double& x : row) x -= middle;
  return row;
}

// Everything that compares r and c element by element.
void compare_elements(const Row& r, const Row& c, RowDifference& difference) {
  difference.num_compared = static_cast<std::int64_t>(r.size());
  difference.cosine = cosine_similarity<double>(c, r);
  difference.pearson = cosine_similarity<double>(centered(c), centered(r));
  difference.relative_l2 = relative_l2<double>(c, r);
  double sum = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    const double d = std::abs(c[i] - r[i]);
    sum += d;
    difference.max_abs = std::max(difference.max_abs, d);
  }
  difference.mean_abs = sum / static_cast<double>(r.size());
}

void find_answer(std::span<const float> reference, RowDifference& difference) {
  const auto largest = std::ranges::max_element(reference);
  difference.reference_token = static_cast<TokenId>(largest - reference.begin());
  float second = -std::numeric_limits<float>::infinity();
  for (auto at = reference.begin(); at != reference.end(); ++at) {
    if (at != largest) second = std::max(second, *at);
  }
  difference.margin = static_cast<double>(*largest) - second;
}

Status check_told(const TokenLogprobs& told, std::size_t vocab_size) {
  if (told.ids.empty()) {
    return Error{ErrorCode::kInvalidArgument, "the candidate tells no log-probability"};
  }
  PARAPET_CHECK(told.ids.size() == told.logprobs.size());
  for (const TokenId id : told.ids) {
    if (id >= 0 && static_cast<std::size_t>(id) < vocab_size) continue;
    return Error{ErrorCode::kInvalidArgument, "the candidate tells of token " + std::to_string(id) +
                                                  ", but the reference's vocabulary has " +
                                                  std::to_string(vocab_size)};
  }
  return check_finite(told.logprobs, "candidate");
}

// The tokens in `told` each, and what they leave to all others together.
double coarse_kl(const std::vector<double>& log_p, const std::vector<float>& log_q) {
  double kl = 0;
  double p_rest = 1;
  double q_rest = 1;
  for (std::size_t i = 0; i < log_p.size(); ++i) {
    const double p = std::exp(log_p[i]);
    kl += p * (log_p[i] - log_q[i]);
    p_rest -= p;
    q_rest -= std::exp(static_cast<double>(log_q[i]));
  }
  // What is left is known to the rounding of the told float32 values, and may come out below zero.
  constexpr double kLeast = 1e-7;
  if (p_rest >= kLeast && q_rest >= kLeast) kl += p_rest * std::log(p_rest / q_rest);
  return std::max(kl, 0.0);
}

// The constant that log-probabilities lack, where d is to have a mean of zero.
double lost_constant(std::span<const float> reference, const TokenLogprobs& told) {
  double sum = 0;
  for (std::size_t i = 0; i < told.ids.size(); ++i) {
    sum += double{reference[static_cast<std::size_t>(told.ids[i])]} - double{told.logprobs[i]};
  }
  return sum / static_cast<double>(told.ids.size());
}

}  // namespace

std::vector<double> log_softmax_at(std::span<const float> logits, std::span<const TokenId> ids) {
  const double normalizer = log_sum_exp(logits);
  std::vector<double> log_p;
  log_p.reserve(ids.size());
  for (const TokenId id : ids) log_p.push_back(logits[static_cast<std::size_t>(id)] - normalizer);
  return log_p;
}

Result<RowDifference> compare_rows(std::span<const float> reference,
                                   std::span<const float> candidate) {
  PARAPET_CHECK(reference.size() == candidate.size() && reference.size() >= 2);
  PARAPET_TRY(check_finite(reference, "reference"));
  PARAPET_TRY(check_finite(candidate, "candidate"));
  RowDifference difference;
  compare_elements({reference.begin(), reference.end()}, {candidate.begin(), candidate.end()},
                   difference);
  find_answer(reference, difference);
  difference.candidate_token =
      static_cast<TokenId>(std::ranges::max_element(candidate) - candidate.begin());
  difference.kl = kl_divergence(candidate, reference);
  return difference;
}

Result<RowDifference> compare_logprobs(std::span<const float> reference,
                                       const TokenLogprobs& candidate) {
  PARAPET_CHECK(reference.size() >= 2);
  PARAPET_TRY(check_finite(reference, "reference"));
  PARAPET_TRY(check_told(candidate, reference.size()));
  Row r;
  for (const TokenId id : candidate.ids) r.push_back(reference[static_cast<std::size_t>(id)]);
  Row c(candidate.logprobs.begin(), candidate.logprobs.end());
  const double constant = lost_constant(reference, candidate);
  for (double& x : c) x += constant;
  RowDifference difference;
  compare_elements(r, c, difference);
  find_answer(reference, difference);
  const auto largest = std::ranges::max_element(candidate.logprobs);
  difference.candidate_token =
      candidate.ids[static_cast<std::size_t>(largest - candidate.logprobs.begin())];
  difference.kl = coarse_kl(log_softmax_at(reference, candidate.ids), candidate.logprobs);
  return difference;
}

Result<std::vector<float>> row_of_logprobs(std::span<const float> reference,
                                           const TokenLogprobs& candidate) {
  PARAPET_CHECK(candidate.ids.size() == reference.size());
  PARAPET_TRY(check_finite(reference, "reference"));
  PARAPET_TRY(check_told(candidate, reference.size()));
  const double constant = lost_constant(reference, candidate);
  std::vector<float> row(reference.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[static_cast<std::size_t>(candidate.ids[i])] =
        static_cast<float>(candidate.logprobs[i] + constant);
  }
  return row;
}

}  // namespace parapet
