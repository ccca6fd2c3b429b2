// How the next token is chosen from its logits: a request's settings, and what they look at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/token_constraint.h"
#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

// These lists are walked for every token of the answer.
inline constexpr std::size_t kMaxLogitBiases = 1024;
inline constexpr std::size_t kMaxBadWords = 1024;
inline constexpr std::size_t kMaxBadWordTokens = 256;

// The meaning of each field, and the order in which they act, are those of vLLM's SamplingParams;
// sampler.h writes the order down.
struct SamplingSettings {
  // Below 1e-5, as in vLLM's sampler, the most likely token is the answer; from there to 0.01 the
  // value is raised to 0.01.
  double temperature = 0;
  std::int64_t top_k = 0;  // 0: all tokens
  double top_p = 1;        // in (0, 1]
  double min_p = 0;        // in [0, 1]: the least probability, relative to the likeliest token's
  std::uint64_t seed = 0;

  double presence_penalty = 0;    // in [-2, 2]
  double frequency_penalty = 0;   // in [-2, 2]
  double repetition_penalty = 1;  // in (0, 2]

  std::vector<std::pair<TokenId, float>> logit_bias = {};  // one a token, within [-100, 100]
  std::vector<TokenId> allowed_token_ids = {};             // empty: all
  std::vector<std::vector<TokenId>> bad_words = {};  // sequences whose last token must not come
  std::int64_t min_tokens = 0;  // before that many, no token of the request's stop_token_ids
  std::shared_ptr<const TokenConstraint> constraint = nullptr;

  bool greedy() const;
  // True where some rule may change a logit before the choice.
  bool adjusts_logits() const;
  // True where the likeliest token is the answer as it is: then logits need not leave the device.
  bool plain_greedy() const { return greedy() && !adjusts_logits(); }
  // ErrorCode::kInvalidArgument names the field, its value and what would be right.
  Status check(std::int64_t vocab_size) const;
};

// What a choice may depend on beside the settings.
struct SamplingContext {
  std::span<const float> logits = {};    // [vocab_size]
  std::span<const TokenId> prompt = {};  // ids below vocab_size, as in the output
  std::span<const TokenId> output = {};  // so far
  // Of the request. Those that are not of the vocabulary can never come.
  std::span<const TokenId> stop_token_ids = {};
  std::uint64_t step = 0;  // of the request's own random sequence
};

}  // namespace parapet
