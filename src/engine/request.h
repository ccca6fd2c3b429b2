// What an engine is asked and what it answers: token ids in, token ids out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/sampler.h"
#include "parapet/types.h"

namespace parapet {

// Asks for log-probabilities of some tokens where one output token is chosen.
struct LogprobQuery {
  std::int64_t step = 0;  // 0: the first output token
  std::vector<TokenId> token_ids;
};
inline constexpr std::size_t kMaxLogprobTokens = 64;  // in one query

struct GenerationRequest {
  std::vector<TokenId> prompt;
  SamplingSettings sampling;
  std::int64_t max_tokens = 16;         // at least 1
  std::vector<TokenId> stop_token_ids;  // any of them ends the answer
  // Called with the output so far after each token; true ends the answer there. May be empty.
  std::function<bool(std::span<const TokenId> output)> stop_when;
  std::vector<LogprobQuery> logprobs;  // at most one a step
};

enum class FinishReason : std::uint8_t {
  kStopToken,
  kStopWhen,
  kLength,  // max_tokens, or max_model_len reached
};

struct GenerationTiming {
  double queue_ms = 0;    // before the first step
  double prefill_ms = 0;  // from the first step to the first token
  double decode_ms = 0;   // from the first token to the last
};

struct GenerationOutput {
  std::vector<TokenId> token_ids;  // without the stop token
  std::optional<TokenId> stop_token;
  FinishReason finish_reason = FinishReason::kLength;
  // One entry for each query, in the order of its token_ids; empty where the answer ended before.
  std::vector<std::vector<float>> logprobs;
  TokenUsage usage;  // completion_tokens counts the stop token
  GenerationTiming timing;
};

// Called with the tokens computed so far, and how many there will be at most.
using StepProgress = std::function<void(std::int64_t computed, std::int64_t expected)>;

}  // namespace parapet
