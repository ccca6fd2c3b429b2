#include "engine/admission.h"

#include <algorithm>
#include <span>
#include <string>

#include "base/check.h"
#include "base/refusal.h"

namespace parapet {
namespace {

Status check_token_ids(const char* field, std::span<const TokenId> ids,
                       const EngineLimits& limits) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && ids[i] < limits.vocab_size) continue;
    return Error{ErrorCode::kInvalidArgument,
                 std::string(field) + "[" + std::to_string(i) + "] is " + std::to_string(ids[i]) +
                     ", expected a token id of 0 to " + std::to_string(limits.vocab_size - 1)};
  }
  return {};
}

Status check_logprobs(const GenerationRequest& request, const EngineLimits& limits) {
  const auto check_top = [&](const char* field, const std::optional<std::int64_t>& top) {
    return check_range(field, top.value_or(0), kAllTokens, limits.vocab_size);
  };
  PARAPET_TRY(check_top("logprobs", request.logprobs));
  PARAPET_TRY(check_top("prompt_logprobs", request.prompt_logprobs));
  PARAPET_TRY(check_range("logprob_token_ids", std::ssize(request.logprob_token_ids), 0,
                          kMaxLogprobTokenIds));
  return check_token_ids("logprob_token_ids", request.logprob_token_ids, limits);
}

Status check_lengths(const GenerationRequest& request, const EngineLimits& limits,
                     std::int64_t num_blocks) {
  if (request.max_tokens < 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "max_tokens is " + std::to_string(request.max_tokens) + ", expected 0 or more"};
  }
  const std::int64_t prompt = std::ssize(request.prompt);
  if (prompt == 0) return Error{ErrorCode::kInvalidArgument, "the prompt is empty"};
  if (prompt >= limits.max_model_len) {
    return Error{ErrorCode::kTooLong,
                 "the prompt has " + std::to_string(prompt) + " tokens, expected at most " +
                     std::to_string(limits.max_model_len - 1) + ": max_model_len is " +
                     std::to_string(limits.max_model_len) + ", and the answer needs room too"};
  }
  const std::int64_t cached =
      prompt + std::max<std::int64_t>(0, allowed_output(request, limits) - 1);
  if (limits.blocks_for(cached) > num_blocks) {
    return Error{ErrorCode::kResourceExhausted,
                 "prompt and answer may come to " + std::to_string(cached) +
                     " tokens in the KV cache, which has room for " +
                     std::to_string(num_blocks * limits.block_size) +
                     "; shorten the prompt, lower max_tokens or give the cache more memory"};
  }
  return {};
}

}  // namespace

std::int64_t allowed_output(const GenerationRequest& request, const EngineLimits& limits) {
  return std::min(request.max_tokens, limits.max_model_len - std::ssize(request.prompt));
}

Status check_request(const GenerationRequest& request, const EngineLimits& limits,
                     std::int64_t num_blocks) {
  PARAPET_TRY(check_lengths(request, limits, num_blocks));
  PARAPET_TRY(check_token_ids("prompt", request.prompt, limits));
  PARAPET_TRY(
      check_range("num_public_tokens", request.num_public_tokens, 0, std::ssize(request.prompt)));
  PARAPET_TRY(request.sampling.check(limits.vocab_size));
  return check_logprobs(request, limits);
}

}  // namespace parapet
