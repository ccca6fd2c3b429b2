// One request on its way through the engine.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/block_pool.h"
#include "engine/request.h"

namespace parapet {

using RequestId = std::uint64_t;

struct Sequence {
  using Clock = std::chrono::steady_clock;

  Sequence(RequestId its_id, GenerationRequest its_request, std::int64_t its_max_tokens)
      : id(its_id),
        request(std::move(its_request)),
        max_tokens(its_max_tokens),
        tokens(request.prompt),
        arrived(Clock::now()) {
    if (request.prompt_logprobs) output.prompt_logprobs.emplace_back();  // nothing foretells it
  }

  const RequestId id;  // in order of arrival
  const GenerationRequest request;
  const std::int64_t max_tokens;  // the request's, within max_model_len

  //   tokens:  [ prompt ............ | output so far ]
  //            [ in the KV cache ....... | to compute ]
  //             0                        num_computed
  std::vector<TokenId> tokens;
  std::int64_t num_computed = 0;

  std::vector<std::int32_t> block_table;  // room for num_computed tokens, and what a step adds
  std::int64_t num_published = 0;         // blocks of the table that can be found by their content
  PrefixId prefix = kNoPrefix;            // names the tokens of those blocks

  std::int64_t num_cached_tokens = 0;  // of the prompt, found in the cache at the first start
  std::int64_t num_passes = 0;
  GenerationOutput output;
  std::optional<FinishReason> finish_reason;  // set by its last token
  Clock::time_point arrived;
  Clock::time_point started;  // its first step began; zero before
  Clock::time_point first_token;

  std::int64_t num_tokens() const { return std::ssize(tokens); }
  std::int64_t num_prompt() const { return std::ssize(request.prompt); }
  std::int64_t num_uncomputed() const { return num_tokens() - num_computed; }
  std::int64_t num_output() const { return num_tokens() - num_prompt(); }
  std::span<const TokenId> written() const {
    return std::span(tokens).subspan(request.prompt.size());
  }
  // Tokens whose keys and values the cache must hold: the last output token is never computed.
  std::int64_t max_cached_tokens() const {
    return num_prompt() + (max_tokens == 0 ? 0 : max_tokens - 1);
  }
  // Smaller is served first. Never equal for two sequences.
  std::pair<std::int64_t, RequestId> order() const { return {request.priority, id}; }
};

}  // namespace parapet
