#include "guard/verdict_plan.h"

#include <algorithm>

namespace parapet {

DraftTree VerdictPlan::draft(std::span<const TokenId> output) const {
  switch (scope_) {
    case Scope::kWhole: return tokens_->draft(output);
    case Scope::kLabelOnly: return tokens_->draft_label(output);
    case Scope::kNothing: break;
  }
  return {};
}

std::span<const TokenId> VerdictPlan::watch(std::span<const TokenId> output) const {
  if (std::ranges::equal(output, tokens_->labels().head)) return tokens_->labels().first_tokens;
  const auto label = category_position(*tokens_, output);
  if (!label) return {};
  return tokens_->categories(*label)->first_tokens;
}

std::optional<Safety> category_position(const VerdictTokens& tokens,
                                        std::span<const TokenId> output) {
  for (const Safety label : kAllSafety) {
    const auto& fork = tokens.categories(label);
    if (fork && std::ranges::equal(output, fork->head)) return label;
  }
  return std::nullopt;
}

}  // namespace parapet
