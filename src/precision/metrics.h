// How far a row of logits lies from the one that it should be. All in double precision, summed in
// order.
//
// r and c are the reference's and the candidate's row over n tokens, d = c - r, and
// log p = r - log sum exp r, log q = c - log sum exp c. docs/precision.md has the same formulas,
// with how to read them; tests/cli/eval_precision_test.py computes them once more, in Python.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

struct RowDifference {
  std::int64_t num_compared = 0;  // n
  double cosine = 0;              // sum r c / (|r| |c|)
  double pearson = 0;             // the cosine of r - mean r and c - mean c
  double relative_l2 = 0;         // |d| / |r|
  double kl = 0;                  // sum p (log p - log q), in nats
  double max_abs = 0;             // max |d|
  double mean_abs = 0;            // mean |d|

  TokenId reference_token = 0;  // argmax r; of equals the smallest id
  TokenId candidate_token = 0;  // argmax c
  double margin = 0;            // the largest of r less the second largest
  bool agrees() const { return reference_token == candidate_token; }
  // No difference of the size seen in this row can change the answer while the margin is more than
  // twice as large: one token could sink by max_abs, the other rise by it.
  bool within_noise() const { return margin <= 2 * max_abs; }
};

// Two whole rows of equal length, at least two. ErrorCode::kNumeric where one of them holds what is
// not a finite number.
Result<RowDifference> compare_rows(std::span<const float> reference,
                                   std::span<const float> candidate);

// What a server tells of a row: log-probabilities of some of its tokens, its most likely one among
// them. Ids are different from each other.
struct TokenLogprobs {
  std::vector<TokenId> ids;
  std::vector<float> logprobs;
};

// Compared on the tokens that the server told. Log-probabilities lack a constant that is the same
// for the whole row and that no probability depends on: it is chosen so that d has a mean of zero.
// The KL divergence is that of the told tokens and of all the rest taken as one: at most that of
// the whole rows. The margin is the whole reference row's. ErrorCode::kInvalidArgument where an id
// is not in the vocabulary, or there is none.
Result<RowDifference> compare_logprobs(std::span<const float> reference,
                                       const TokenLogprobs& candidate);

// Where all tokens are told: the row of logits that they stand for, with that constant, to be
// compared as any row is. The same errors.
Result<std::vector<float>> row_of_logprobs(std::span<const float> reference,
                                           const TokenLogprobs& candidate);

// log p of these tokens in a row of finite logits.
std::vector<double> log_softmax_at(std::span<const float> logits, std::span<const TokenId> ids);

}  // namespace parapet
