#include "engine/admission.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"

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

Status check_queries(const std::vector<LogprobQuery>& queries, const EngineLimits& limits) {
  std::vector<std::int64_t> steps;
  for (const LogprobQuery& query : queries) {
    if (query.step < 0) {
      return Error{ErrorCode::kInvalidArgument,
                   "logprobs.step is " + std::to_string(query.step) + ", expected 0 or more"};
    }
    if (query.token_ids.empty() || query.token_ids.size() > kMaxLogprobTokens) {
      return Error{ErrorCode::kInvalidArgument,
                   "logprobs of " + std::to_string(query.token_ids.size()) +
                       " tokens, expected 1 to " + std::to_string(kMaxLogprobTokens)};
    }
    PARAPET_TRY(check_token_ids("logprobs.token_ids", query.token_ids, limits));
    steps.push_back(query.step);
  }
  std::sort(steps.begin(), steps.end());
  const auto twice = std::adjacent_find(steps.begin(), steps.end());
  if (twice == steps.end()) return {};
  return Error{ErrorCode::kInvalidArgument, "logprobs ask twice about step " +
                                                std::to_string(*twice) +
                                                ", expected one query with all its tokens"};
}

Status check_lengths(const GenerationRequest& request, const EngineLimits& limits) {
  if (request.max_tokens <= 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "max_tokens is " + std::to_string(request.max_tokens) +
                     ", expected at least 1: a request without an answer is not supported"};
  }
  const std::int64_t prompt = std::ssize(request.prompt);
  if (prompt == 0) return Error{ErrorCode::kInvalidArgument, "the prompt is empty"};
  if (prompt >= limits.max_model_len) {
    return Error{ErrorCode::kTooLong,
                 "the prompt has " + std::to_string(prompt) + " tokens, expected at most " +
                     std::to_string(limits.max_model_len - 1) + ": max_model_len is " +
                     std::to_string(limits.max_model_len) + ", and the answer needs room too"};
  }
  const std::int64_t cached = prompt + allowed_output(request, limits) - 1;
  if (limits.blocks_for(cached) > limits.num_kv_blocks) {
    return Error{ErrorCode::kResourceExhausted,
                 "prompt and answer may come to " + std::to_string(cached) +
                     " tokens in the KV cache, which holds " +
                     std::to_string(limits.num_kv_blocks * limits.block_size) +
                     "; shorten the prompt, lower max_tokens or give the cache more blocks"};
  }
  return {};
}

}  // namespace

std::int64_t allowed_output(const GenerationRequest& request, const EngineLimits& limits) {
  return std::min(request.max_tokens, limits.max_model_len - std::ssize(request.prompt));
}

Status check_request(const GenerationRequest& request, const EngineLimits& limits) {
  PARAPET_TRY(check_lengths(request, limits));
  PARAPET_TRY(check_token_ids("prompt", request.prompt, limits));
  PARAPET_TRY(request.sampling.check());
  return check_queries(request.logprobs, limits);
}

}  // namespace parapet
