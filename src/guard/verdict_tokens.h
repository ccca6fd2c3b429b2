// A verdict in a tokenizer's tokens: where it is decided, and how it can go on.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "engine/answer_plan.h"
#include "guard/taxonomy.h"
#include "guard/token_fork.h"
#include "parapet/error.h"
#include "text/tokenizer.h"

namespace parapet {

// For one tokenizer, which must outlive it, and one mode.
class VerdictTokens {
 public:
  // ErrorCode::kUnsupported where the tokenizer does not tell the labels apart at one token.
  static Result<VerdictTokens> make(const Tokenizer& tokenizer, GuardMode mode);

  GuardMode mode() const { return mode_; }
  // "Safety: Safe", "Safety: Controversial" and "Safety: Unsafe" share their first tokens and part
  // at one: with Qwen3's tokenizer after `Safety`, `:`, at ` Safe`, ` Cont`, ` Unsafe`.
  const TokenFork& labels() const { return labels_; }  // in the order of kAllSafety
  // After a label, the first category and "None" part likewise: in the order of category_names(),
  // "None" last. Empty where a tokenizer does not tell them apart at one token.
  const std::optional<TokenFork>& categories(Safety label) const {
    return categories_[static_cast<std::size_t>(label)];
  }

  // Answers that may follow `output`: before a label, the most likely ones; after it, every first
  // category; after a list of categories, every further one. In responses, with either refusal.
  DraftTree draft(std::span<const TokenId> output) const;
  // The same as far as the label.
  DraftTree draft_label(std::span<const TokenId> output) const;

 private:
  using Answers = std::vector<std::vector<TokenId>>;

  VerdictTokens(const Tokenizer& tokenizer, GuardMode mode) : tokenizer_(&tokenizer), mode_(mode) {}

  // The answers with those categories, beginning with `beginning`.
  void add_endings(const std::string& beginning, Answers& answers) const;
  Answers longer_lists(std::span<const TokenId> output) const;
  static void add_following(const Answers& answers, std::span<const TokenId> output,
                            DraftTree& tree);

  const Tokenizer* tokenizer_;
  GuardMode mode_;
  TokenFork labels_;
  std::array<std::optional<TokenFork>, 3> categories_;
  Answers likely_;          // what is written when nothing is wrong
  Answers first_category_;  // every label with "None" or one category
};

}  // namespace parapet
