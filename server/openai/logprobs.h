// Logprobs in the forms of OpenAI's two APIs, and vLLM's of a prompt's.
#pragma once

#include <string>
#include <vector>

#include "parapet/llm.h"
#include "server/json/json.h"

namespace parapet::server {

// How a token is told: as its text, or as "token_id:N" (return_tokens_as_token_ids).
struct TokenNames {
  const ChatTokenizer& tokenizer;
  bool as_ids = false;

  std::string operator()(TokenId id) const;
};

// Positions whose likely tokens are the chosen one and then exactly those of a request's
// logprob_token_ids, of which `told` has the logprobs.
std::vector<std::vector<Logprob>> with_token_ids(const std::vector<std::vector<Logprob>>& positions,
                                                 const std::vector<std::vector<float>>& told,
                                                 const std::vector<TokenId>& logprob_token_ids);

// Of chat: {"content": [{"token", "logprob", "bytes", "top_logprobs"}]}. `top`: how many likely
// ones; -1: all that there are.
Json chat_logprobs(const std::vector<std::vector<Logprob>>& positions, std::int64_t top,
                   const TokenNames& names);

// Of completions: {"text_offset", "token_logprobs", "tokens", "top_logprobs"}, a list each. An
// empty position (the first of a prompt, whose id is then taken from `ids`) has null. The text
// begins at `offset`, which is moved on.
Json completion_logprobs(const std::vector<std::vector<Logprob>>& positions,
                         const std::vector<TokenId>& ids, std::int64_t top, std::int64_t& offset,
                         const TokenNames& names);
void append_logprobs(Json& all, Json more);

// vLLM's: a list of null or {"ID": {"logprob", "rank", "decoded_token"}}.
Json prompt_logprobs_json(const std::vector<std::vector<Logprob>>& positions,
                          const TokenNames& names);

}  // namespace parapet::server
