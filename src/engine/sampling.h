// How the next token is chosen from its logits: a request's settings.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/token_constraint.h"
#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

// The meaning of each field, and the order in which they act, are those of vLLM's SamplingParams;
// sampler.h writes the order down.
struct SamplingSettings {
  double temperature = 0;  // 0: greedy, the most likely token
  std::int64_t top_k = 0;  // 0: all tokens
  double top_p = 1;        // in (0, 1]
  double min_p = 0;        // in [0, 1]: the least probability, relative to the likeliest token's
  std::uint64_t seed = 0;

  double presence_penalty = 0;    // in [-2, 2]
  double frequency_penalty = 0;   // in [-2, 2]
  double repetition_penalty = 1;  // in (0, 2]

  std::vector<std::pair<TokenId, float>> logit_bias;  // added to the logit, within [-100, 100]
  std::vector<TokenId> allowed_token_ids;             // empty: all
  std::vector<std::vector<TokenId>> bad_words;        // sequences whose last token must not come
  std::int64_t min_tokens = 0;  // before that many, no token of the request's stop_token_ids
  std::shared_ptr<const TokenConstraint> constraint;  // may be null

  bool greedy() const { return temperature == 0; }
  // True where the likeliest token is the answer as it is: then logits need not leave the device.
  bool plain_greedy() const;
  // ErrorCode::kInvalidArgument names the field, its value and what would be right.
  Status check(std::int64_t vocab_size) const;
};

}  // namespace parapet
