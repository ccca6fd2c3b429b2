#include "guard/verdict_tokens.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"

namespace parapet {
namespace {

std::string head_of(Safety safety) {
  return std::string(kSafetyHead) + to_string(safety) + std::string(kCategoriesHead);
}

// The categories' names and then "None".
std::vector<std::string_view> first_names(GuardMode mode) {
  const auto names = category_names(mode);
  std::vector<std::string_view> all(names.begin(), names.end());
  all.push_back(kNoCategory);
  return all;
}

bool begins_with(std::span<const TokenId> answer, std::span<const TokenId> output) {
  return answer.size() >= output.size() && std::ranges::equal(answer.first(output.size()), output);
}

}  // namespace

Result<VerdictTokens> VerdictTokens::make(const Tokenizer& tokenizer, GuardMode mode) {
  VerdictTokens tokens(tokenizer, mode);
  std::vector<std::string> labels;
  labels.reserve(kAllSafety.size());
  for (const Safety safety : kAllSafety)
    labels.push_back(std::string(kSafetyHead) + to_string(safety));
  const auto fork = find_fork(tokenizer, labels);
  if (!fork) {
    return Error{ErrorCode::kUnsupported,
                 "tokenizer.json: the labels Safe, Controversial and Unsafe do not part at one "
                 "token, so their probabilities cannot be read; a guard's tokenizer is needed"};
  }
  tokens.labels_ = *fork;
  tokens.add_endings(head_of(Safety::kSafe) + std::string(kNoCategory), tokens.likely_);
  for (const Safety safety : kAllSafety) {
    std::vector<std::string> answers;
    for (const std::string_view name : first_names(mode)) {
      answers.push_back(head_of(safety) + std::string(name));
      tokens.add_endings(answers.back(), tokens.first_category_);
    }
    tokens.categories_[static_cast<std::size_t>(safety)] = find_fork(tokenizer, answers);
  }
  return tokens;
}

void VerdictTokens::add_endings(const std::string& beginning, Answers& answers) const {
  if (mode_ == GuardMode::kPrompt) {
    answers.push_back(tokenizer_->encode(beginning, Origin::kMessage));
    return;
  }
  for (const std::string_view refusal : {kRefusalNo, kRefusalYes}) {
    answers.push_back(tokenizer_->encode(
        beginning + std::string(kRefusalHead) + std::string(refusal), Origin::kMessage));
  }
}

void VerdictTokens::add_following(const Answers& answers, std::span<const TokenId> output,
                                  DraftTree& tree) {
  for (const auto& answer : answers) {
    if (begins_with(answer, output)) tree.add(std::span(answer).subspan(output.size()));
  }
}

DraftTree VerdictTokens::draft(std::span<const TokenId> output) const {
  DraftTree tree;
  add_following(likely_, output, tree);
  if (output.size() <= labels_.head.size()) return tree;
  add_following(first_category_, output, tree);
  if (tree.empty()) add_following(longer_lists(output), output, tree);
  return tree;
}

DraftTree VerdictTokens::draft_label(std::span<const TokenId> output) const {
  DraftTree tree;
  add_following({labels_.head}, output, tree);
  return tree;
}

// "Safety: Unsafe\nCategories: A, B, " and every category that is not named yet.
VerdictTokens::Answers VerdictTokens::longer_lists(std::span<const TokenId> output) const {
  const std::string text = tokenizer_->decode({output.begin(), output.end()});
  const std::size_t last = text.rfind(kCategorySeparator.front());
  const std::size_t head = text.find(kCategoriesHead);
  if (head == std::string::npos || last == std::string::npos || last < head) return {};
  const std::string beginning = text.substr(0, last);
  Answers answers;
  for (const std::string_view name : category_names(mode_)) {
    if (beginning.find(name) != std::string::npos) continue;
    add_endings(beginning + std::string(kCategorySeparator) + std::string(name), answers);
  }
  return answers;
}

}  // namespace parapet
