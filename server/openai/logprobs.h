// Logprobs in the forms of OpenAI's two APIs, and vLLM's of a prompt's.
#pragma once

#include <algorithm>
#include <cstddef>
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

// Of each position the chosen token and then the likely ones; with the request's logprob_token_ids
// exactly those instead, of which `told` has the logprobs.
std::vector<std::vector<Logprob>> asked_for(std::vector<std::vector<Logprob>> positions,
                                            const std::vector<std::vector<float>>& told,
                                            const std::vector<TokenId>& logprob_token_ids);

// What a stream has not told yet of positions, of which it told so many.
template <class Position>
std::vector<Position> beyond(std::size_t num_told, const std::vector<Position>& positions) {
  const std::size_t begin = std::min(num_told, positions.size());
  return {positions.begin() + static_cast<std::ptrdiff_t>(begin), positions.end()};
}

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
