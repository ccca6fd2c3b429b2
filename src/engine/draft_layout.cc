#include "engine/draft_layout.h"

#include <algorithm>
#include <deque>

#include "base/check.h"

namespace parapet {

DraftLayout::DraftLayout(const DraftTree& tree, std::int64_t max_depth, std::int64_t max_nodes)
    : max_depth_(std::min(max_depth, kMaxDraftDepth)),
      max_nodes_(std::min(max_nodes, kMaxDraftNodes)) {
  std::vector<std::vector<std::int32_t>> children(tree.nodes.size());
  std::vector<std::int32_t> firsts;
  for (std::size_t i = 0; i < tree.nodes.size(); ++i) {
    const std::int32_t parent = tree.nodes[i].parent;
    PARAPET_CHECK(parent >= DraftTree::kRoot && parent < static_cast<std::int32_t>(i));
    (parent == DraftTree::kRoot ? firsts : children[static_cast<std::size_t>(parent)])
        .push_back(static_cast<std::int32_t>(i));
  }

  // What starts a chain of its own: a node of the tree, and where its parent came to lie.
  struct Start {
    std::int32_t node;
    std::int32_t parent;
  };
  std::deque<Start> starts;
  for (const std::int32_t first : firsts) starts.push_back({first, DraftTree::kRoot});
  bool trunk = true;
  for (; !starts.empty() && num_nodes() < max_nodes_; starts.pop_front()) {
    auto [node, parent] = starts.front();
    const std::int64_t begin = num_nodes();
    while (num_nodes() < max_nodes_) {
      const std::int32_t depth = parent == DraftTree::kRoot ? 0 : at(parent).depth + 1;
      if (depth >= max_depth_) break;
      nodes_.push_back({tree.nodes[static_cast<std::size_t>(node)].token, parent, depth});
      parent = static_cast<std::int32_t>(num_nodes()) - 1;
      const auto& below = children[static_cast<std::size_t>(node)];
      if (below.empty()) break;
      for (std::size_t i = 1; i < below.size(); ++i) starts.push_back({below[i], parent});
      node = below.front();
    }
    if (trunk) {
      trunk_len_ = num_nodes();
    } else if (num_nodes() > begin) {
      branches_.push_back({begin, num_nodes(), 0, {}});
      find_tail(branches_.back());
    }
    trunk = false;
  }
}

void DraftLayout::find_tail(Branch& branch) const {
  for (auto node = static_cast<std::int32_t>(branch.end - 1); node >= trunk_len_;
       node = parent(node)) {
    branch.tail.push_back(node);
  }
  std::reverse(branch.tail.begin(), branch.tail.end());
  branch.first_depth = depth(branch.tail.front());
}

std::int32_t DraftLayout::child(std::int32_t node, TokenId token) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].parent == node && nodes_[i].token == token) return static_cast<std::int32_t>(i);
  }
  return -1;
}

std::vector<TokenId> DraftLayout::path(std::int64_t node) const {
  std::vector<TokenId> tokens;
  for (auto i = static_cast<std::int32_t>(node); i != DraftTree::kRoot; i = parent(i)) {
    tokens.push_back(token(i));
  }
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

}  // namespace parapet
