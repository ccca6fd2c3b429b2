#include "structured/constraints.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "structured/automaton_constraint.h"
#include "structured/regex_compiler.h"

namespace parapet {
namespace {

Result<std::shared_ptr<const TokenConstraint>> make_constraint(
    Nfa nfa, std::shared_ptr<const VocabularyTrie> vocabulary, std::vector<TokenId> end_tokens) {
  if (end_tokens.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "end_tokens: is empty; a constrained answer needs a token that ends it"};
  }
  for (const TokenId id : end_tokens) {
    if (id < 0 || id >= vocabulary->vocab_size()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("end_tokens: {} is no id of the vocabulary; it has 0 to {}", id,
                               vocabulary->vocab_size() - 1)};
    }
  }
  return std::shared_ptr<const TokenConstraint>(std::make_shared<AutomatonConstraint>(
      std::move(nfa), std::move(vocabulary), std::move(end_tokens)));
}

}  // namespace

Result<std::shared_ptr<const TokenConstraint>> choice_constraint(
    std::span<const std::string> choices, std::shared_ptr<const VocabularyTrie> vocabulary,
    std::vector<TokenId> end_tokens) {
  PARAPET_ASSIGN(Nfa nfa, compile_choices(choices));
  return make_constraint(std::move(nfa), std::move(vocabulary), std::move(end_tokens));
}

Result<std::shared_ptr<const TokenConstraint>> regex_constraint(
    std::string_view pattern, std::shared_ptr<const VocabularyTrie> vocabulary,
    std::vector<TokenId> end_tokens) {
  PARAPET_ASSIGN(Nfa nfa, compile_regex(pattern));
  return make_constraint(std::move(nfa), std::move(vocabulary), std::move(end_tokens));
}

}  // namespace parapet
