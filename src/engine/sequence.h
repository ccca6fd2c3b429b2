// One request on its way through the engine.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/request.h"

namespace parapet {

struct Sequence {
  using Clock = std::chrono::steady_clock;

  Sequence(const GenerationRequest& its_request, std::int64_t its_max_tokens)
      : request(&its_request),
        max_tokens(its_max_tokens),
        tokens(its_request.prompt),
        logprobs(its_request.logprobs.size()) {}

  const GenerationRequest* request;  // outlives the sequence
  std::int64_t max_tokens;           // the request's, within max_model_len

  //   tokens:  [ prompt ............ | output so far ]
  //            [ in the KV cache ....... | to compute ]
  //             0                        num_computed
  std::vector<TokenId> tokens;
  std::int64_t num_computed = 0;
  std::vector<std::int32_t> block_table;  // room for all that the sequence may come to

  std::vector<std::vector<float>> logprobs;  // answers to the request's queries
  Clock::time_point started;                 // its first step began
  Clock::time_point first_token;

  std::int64_t num_tokens() const { return std::ssize(tokens); }
  std::int64_t num_uncomputed() const { return num_tokens() - num_computed; }
  std::int64_t num_output() const { return num_tokens() - std::ssize(request->prompt); }
  std::span<const TokenId> output() const {
    return std::span(tokens).subspan(request->prompt.size());
  }
  // Tokens whose keys and values the cache must hold: the last output token is never computed.
  std::int64_t max_cached_tokens() const { return std::ssize(request->prompt) + max_tokens - 1; }
  // The query about the token that comes next, if there is one.
  const LogprobQuery* query() const {
    for (const LogprobQuery& query : request->logprobs) {
      if (query.step == num_output()) return &query;
    }
    return nullptr;
  }
};

}  // namespace parapet
