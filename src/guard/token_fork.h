// Where answers that begin alike part: the one position whose logits tell them apart.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parapet/types.h"
#include "text/tokenizer.h"

namespace parapet {

struct TokenFork {
  std::vector<TokenId> head;          // the tokens that all answers share
  std::vector<TokenId> first_tokens;  // the next token of each, pairwise different
};

// Empty where a tokenizer does not tell all the answers apart at one token.
std::optional<TokenFork> find_fork(const Tokenizer& tokenizer,
                                   std::span<const std::string> answers);

}  // namespace parapet
