// Answers held to a list of strings or to a regular expression; see docs/structured-output.md.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/token_constraint.h"
#include "parapet/error.h"
#include "structured/vocabulary_trie.h"

namespace parapet {

// Both are for one thread at a time, and may be shared by requests of that thread. A mask is as
// wide as the vocabulary. Where the output is complete, every end token is allowed; there must be
// one, and all are ids of the vocabulary.

// The answer is one of these strings, which are UTF-8: 1 to 4,096, of 64 KiB together.
Result<std::shared_ptr<const TokenConstraint>> choice_constraint(
    std::span<const std::string> choices, std::shared_ptr<const VocabularyTrie> vocabulary,
    std::vector<TokenId> end_tokens);

// The whole answer matches the pattern, in the syntax of Python's re.
Result<std::shared_ptr<const TokenConstraint>> regex_constraint(
    std::string_view pattern, std::shared_ptr<const VocabularyTrie> vocabulary,
    std::vector<TokenId> end_tokens);

}  // namespace parapet
