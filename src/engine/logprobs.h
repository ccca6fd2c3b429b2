// How likely the model found a token, and which it found likelier.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

struct TokenLogprob {
  TokenId id = 0;
  float logprob = 0;  // natural logarithm; -infinity where the logit is, or it is below all floats
  std::int64_t rank = 0;  // one more than the tokens of a strictly larger logit

  bool operator==(const TokenLogprob&) const = default;
};

// Both take the log-softmax of the logits as they are, before penalties, temperature and the like;
// sums are in double, in the order of ids. ErrorCode::kNumeric where a logit is NaN or the largest
// is infinite. Ids are those of the vocabulary.

// In the order of `ids`.
Result<std::vector<float>> logprobs_of(std::span<const float> logits, std::span<const TokenId> ids);

inline constexpr std::int64_t kAllTokens = -1;

// The chosen token, then the k most likely (all, if there are fewer, or for kAllTokens), of equal
// ones the smaller id first. The chosen one may be among them and so come twice.
Result<std::vector<TokenLogprob>> top_logprobs(std::span<const float> logits, std::int64_t k,
                                               TokenId chosen);

}  // namespace parapet
