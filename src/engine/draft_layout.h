// A token tree as rows of a step: which node is computed where, and what it can see.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/answer_plan.h"

namespace parapet {

inline constexpr std::int64_t kMaxDraftNodes = 256;  // so many branches fit in one step
inline constexpr std::int64_t kMaxDraftDepth = 128;

// The nodes of a tree, reordered so that they can be computed: first the trunk, which is each
// node's first child from the root on, then branch after branch, each in order of depth.
//
// The trunk's keys go where the sequence's own next tokens would go. All others lie in scratch
// slots, one a node, since their positions are taken by the trunk.
class DraftLayout {
 public:
  struct Branch {
    std::int64_t begin;  // nodes [begin, end): each the parent of the next
    std::int64_t end;
    std::int64_t first_depth;        // of the first off-trunk node on its path
    std::vector<std::int32_t> tail;  // off-trunk nodes of its path, the branch's own last
  };

  DraftLayout() = default;  // no tree at all
  // Keeps nodes of a depth below max_depth, and no more than max_nodes of them.
  DraftLayout(const DraftTree& tree, std::int64_t max_depth, std::int64_t max_nodes);

  std::int64_t num_nodes() const { return std::ssize(nodes_); }
  std::int64_t trunk_len() const { return trunk_len_; }
  std::int64_t num_off_trunk() const { return num_nodes() - trunk_len_; }
  const std::vector<Branch>& branches() const { return branches_; }

  TokenId token(std::int64_t node) const { return at(node).token; }
  std::int32_t parent(std::int64_t node) const { return at(node).parent; }  // or kRoot
  // 0 for a first token: its position is that of the sequence's next token.
  std::int64_t depth(std::int64_t node) const { return at(node).depth; }
  // The child of `node` (or kRoot) with that token, or -1.
  std::int32_t child(std::int32_t node, TokenId token) const;
  // The tokens from the root to a node, the node's included.
  std::vector<TokenId> path(std::int64_t node) const;

 private:
  struct Node {
    TokenId token;
    std::int32_t parent;
    std::int32_t depth;
  };
  const Node& at(std::int64_t node) const { return nodes_[static_cast<std::size_t>(node)]; }
  void find_tail(Branch& branch) const;

  std::vector<Node> nodes_;
  std::int64_t trunk_len_ = 0;
  std::vector<Branch> branches_;
  std::int64_t max_depth_ = 0;
  std::int64_t max_nodes_ = 0;
};

}  // namespace parapet
