// What an engine is asked and what it answers: token ids in, token ids out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/answer_plan.h"
#include "engine/logprobs.h"
#include "engine/sampling.h"
#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

inline constexpr std::size_t kMaxWatchedTokens = 64;  // at one position
inline constexpr std::int64_t kMaxLogprobTokenIds = 1024;

struct GenerationOutput;

struct GenerationRequest {
  std::vector<TokenId> prompt;
  SamplingSettings sampling;
  std::int64_t max_tokens = 16;         // 0: the prompt is computed and nothing is written
  std::vector<TokenId> stop_token_ids;  // any of them ends the answer
  // Called after each token with the output so far; true ends the answer there. May be empty. Of
  // `so_far`, the lists of logprobs alone are there yet.
  std::function<bool(std::span<const TokenId> output, const GenerationOutput& so_far)> stop_when;
  std::shared_ptr<const AnswerPlan> plan;  // may be null

  // So many likely tokens at each output position; kAllTokens: the whole vocabulary.
  std::optional<std::int64_t> logprobs;
  std::optional<std::int64_t> prompt_logprobs;  // the same at each position of the prompt
  std::vector<TokenId> logprob_token_ids;       // and these tokens at each output position

  std::int64_t priority = 0;           // smaller is served first; equal ones in order of arrival
  std::string cache_salt;              // prefixes are shared among equal salts only,
  std::int64_t num_public_tokens = 0;  // but for so many tokens of the prompt, which hold no secret
  bool use_prefix_cache = true;
  bool pin_prompt = false;  // the prompt's blocks stay in the cache for the engine's life
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

// What a plan watched at one position.
struct WatchedLogprobs {
  std::int64_t step = 0;        // 0: the first output token
  std::vector<float> logprobs;  // in the order of the plan's tokens
};

struct GenerationOutput {
  std::vector<TokenId> token_ids;  // without the stop token
  std::optional<TokenId> stop_token;
  FinishReason finish_reason = FinishReason::kLength;
  std::vector<WatchedLogprobs> watched;  // in order of step
  // With `logprobs`: one entry an output token, the stop token's included; the chosen token first.
  std::vector<std::vector<TokenLogprob>> logprobs;
  // With `prompt_logprobs`: one entry a prompt token, empty for the first.
  std::vector<std::vector<TokenLogprob>> prompt_logprobs;
  // With `logprob_token_ids`: one entry an output token, in their order.
  std::vector<std::vector<float>> token_logprobs;
  TokenUsage usage;             // completion_tokens counts the stop token
  std::int64_t num_passes = 0;  // forward passes that the request took part in
  GenerationTiming timing;
};

}  // namespace parapet
