#include "guard/verdict_plan.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace parapet {
namespace {

// What of a tree stands before its forks of more than `most_ways`.
DraftTree before_forks(const DraftTree& tree, std::size_t most_ways) {
  // By parent, the root first.
  std::vector<std::size_t> num_children(tree.nodes.size() + 1);
  const auto at = [](std::int32_t node) { return static_cast<std::size_t>(node + 1); };
  for (const auto& node : tree.nodes) ++num_children[at(node.parent)];
  std::vector<bool> kept(num_children.size(), true);
  std::vector<std::int32_t> moved_to(num_children.size(), DraftTree::kRoot);
  DraftTree before;
  for (std::size_t i = 0; i < tree.nodes.size(); ++i) {
    const auto [token, parent] = tree.nodes[i];
    kept[i + 1] = kept[at(parent)] && num_children[at(parent)] <= most_ways;
    if (kept[i + 1]) moved_to[i + 1] = before.add(token, moved_to[at(parent)]);
  }
  return before;
}

}  // namespace

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

DraftTree VerdictDraft::draft(std::span<const TokenId> output) const {
  return before_forks(tokens_->draft(output), /*most_ways=*/2);
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
