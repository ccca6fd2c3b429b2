// Log-probabilities in an answer of /v1/completions, in each form that servers give them.
//
// Parapet, vLLM and what is built on it, asked with "return_tokens_as_token_ids":
//   {"tokens": ["token_id:5"], "top_logprobs": [{"token_id:5": -0.1, "token_id:7": -2.5}]}
// llama.cpp:
//   {"content": [{"id": 5, "logprob": -0.1, "top_logprobs": [{"id": 5, "logprob": -0.1}, ...]}]}
#pragma once

#include <string_view>
#include <vector>

#include "parapet/error.h"
#include "parapet/types.h"
#include "precision/metrics.h"

namespace parapet {

struct CompletionTokens {
  std::vector<TokenId> ids;         // as written, an end token too
  std::vector<TokenLogprobs> told;  // one a token
};

// The choices of a whole answer, in the order of their indexes: one a prompt. `url` stands in
// errors. kUnsupported where tokens have no ids, or there are no log-probabilities; kCorrupt where
// this is no such answer.
Result<std::vector<CompletionTokens>> read_completions(const std::string& url,
                                                       std::string_view body,
                                                       std::size_t num_prompts);

}  // namespace parapet
