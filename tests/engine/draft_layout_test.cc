#include "engine/draft_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "base/check.h"

namespace parapet {
namespace {

using Tokens = std::vector<TokenId>;
using Nodes = std::vector<std::int32_t>;

constexpr std::int64_t kNoLimit = 1 << 20;

DraftTree tree_of(std::initializer_list<Tokens> answers) {
  DraftTree tree;
  for (const Tokens& answer : answers) tree.add(answer);
  return tree;
}

TEST(DraftTreeTest, AddsWhatIsNotThereYet) {
  DraftTree tree;
  EXPECT_TRUE(tree.empty());
  EXPECT_EQ(tree.add(Tokens{1, 2, 3}), 2);
  EXPECT_EQ(tree.add(Tokens{1, 2, 4}), 3);
  EXPECT_EQ(tree.add(Tokens{1, 2}), 1);
  EXPECT_EQ(tree.add(Tokens{5}, 3), 4);
  ASSERT_EQ(tree.nodes.size(), 5U);
  EXPECT_EQ(tree.nodes[3].parent, 1);
  EXPECT_EQ(tree.nodes[4].parent, 3);
}

TEST(DraftLayoutTest, NoTreeIsNoRows) {
  EXPECT_EQ(DraftLayout().num_nodes(), 0);
  const DraftLayout empty(DraftTree{}, kNoLimit, kNoLimit);
  EXPECT_EQ(empty.num_nodes(), 0);
  EXPECT_TRUE(empty.branches().empty());
  EXPECT_EQ(empty.child(DraftTree::kRoot, 1), -1);
}

TEST(DraftLayoutTest, AChainIsAllTrunk) {
  const DraftLayout layout(tree_of({{7, 8, 9}}), kNoLimit, kNoLimit);
  EXPECT_EQ(layout.trunk_len(), 3);
  EXPECT_EQ(layout.num_off_trunk(), 0);
  EXPECT_TRUE(layout.branches().empty());
  EXPECT_EQ(layout.path(2), (Tokens{7, 8, 9}));
}

// 1 - 2 - 3       the trunk
//      \- 4 - 5   a branch
//          \- 6   another, through 4
// 7               a third, from the root
TEST(DraftLayoutTest, BranchesFollowTheTrunk) {
  const DraftLayout layout(tree_of({{1, 2, 3}, {1, 2, 4, 5}, {1, 2, 4, 6}, {7}}), kNoLimit,
                           kNoLimit);
  EXPECT_EQ(layout.trunk_len(), 3);
  EXPECT_EQ(layout.num_off_trunk(), 4);
  std::map<Tokens, std::int64_t> node_of;
  for (std::int64_t node = 0; node < layout.num_nodes(); ++node) node_of[layout.path(node)] = node;
  ASSERT_EQ(layout.branches().size(), 3U);
  const auto expect = [&](const Tokens& path, std::int64_t length, std::int64_t first_depth,
                          std::size_t tail_len) {
    const auto end = node_of.at(path) + 1;
    const auto branch = std::ranges::find(layout.branches(), end, &DraftLayout::Branch::end);
    ASSERT_NE(branch, layout.branches().end());
    EXPECT_EQ(branch->end - branch->begin, length);
    EXPECT_EQ(branch->first_depth, first_depth);
    EXPECT_EQ(branch->tail.size(), tail_len);
  };
  expect({1, 2, 4, 5}, 2, 2, 2);
  expect({1, 2, 4, 6}, 1, 2, 2);
  expect({7}, 1, 0, 1);
}

TEST(DraftLayoutTest, ChildrenAreFoundByToken) {
  const DraftLayout layout(tree_of({{1, 2}, {1, 3}, {4}}), kNoLimit, kNoLimit);
  const std::int32_t one = layout.child(DraftTree::kRoot, 1);
  EXPECT_EQ(layout.path(one), (Tokens{1}));
  EXPECT_EQ(layout.path(layout.child(one, 3)), (Tokens{1, 3}));
  EXPECT_EQ(layout.path(layout.child(DraftTree::kRoot, 4)), (Tokens{4}));
  EXPECT_EQ(layout.child(one, 4), -1);
  EXPECT_EQ(layout.child(DraftTree::kRoot, 2), -1);
  EXPECT_EQ(layout.child(layout.child(one, 3), 1), -1);
}

TEST(DraftLayoutTest, KeepsToItsLimits) {
  DraftTree chain;
  for (std::int32_t i = 0; i < 200; ++i) chain.add(1, i - 1);
  EXPECT_EQ(DraftLayout(chain, kNoLimit, kNoLimit).num_nodes(), kMaxDraftDepth);
  EXPECT_EQ(DraftLayout(chain, 3, kNoLimit).num_nodes(), 3);
  EXPECT_EQ(DraftLayout(chain, kNoLimit, 5).num_nodes(), 5);
  EXPECT_EQ(DraftLayout(chain, 0, kNoLimit).num_nodes(), 0);
  EXPECT_EQ(DraftLayout(chain, kNoLimit, 0).num_nodes(), 0);
  DraftTree wide;
  for (std::int32_t i = 0; i < 1000; ++i) wide.add(i, DraftTree::kRoot);
  const DraftLayout layout(wide, kNoLimit, kNoLimit);
  EXPECT_EQ(layout.num_nodes(), kMaxDraftNodes);
  EXPECT_EQ(std::ssize(layout.branches()), kMaxDraftNodes - 1);
}

TEST(DraftLayoutTest, RefusesChildrenBeforeTheirParents) {
  for (const std::int32_t parent : {0, 1, -2}) {
    DraftTree tree;
    tree.add(1, parent);
    EXPECT_THROW(DraftLayout(tree, kNoLimit, kNoLimit), InternalError);
  }
}

Tokens path_in(const DraftTree& tree, std::int32_t node) {
  Tokens tokens;
  for (; node != DraftTree::kRoot; node = tree.nodes[static_cast<std::size_t>(node)].parent) {
    tokens.insert(tokens.begin(), tree.nodes[static_cast<std::size_t>(node)].token);
  }
  return tokens;
}

// Every token once, so that a path names a node.
DraftTree random_tree(std::mt19937& random) {
  DraftTree tree;
  const auto num_nodes = static_cast<std::int32_t>(random() % 40);
  for (std::int32_t i = 0; i < num_nodes; ++i) {
    const auto any = static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(i + 1)) - 1;
    tree.add(100 + i, random() % 2 == 0 ? i - 1 : any);
  }
  return tree;
}

void expect_sound(const DraftLayout& layout) {
  Nodes covered(static_cast<std::size_t>(layout.trunk_len()));
  for (std::int64_t node = 0; node < layout.num_nodes(); ++node) {
    ASSERT_LT(layout.parent(node), node);
    ASSERT_EQ(layout.depth(node) + 1, std::ssize(layout.path(node)));
    ASSERT_EQ(layout.child(layout.parent(node), layout.token(node)), node);
    if (node < layout.trunk_len()) {
      ASSERT_EQ(layout.parent(node), node - 1);
    }
  }
  std::int64_t begin = layout.trunk_len();
  for (const DraftLayout::Branch& branch : layout.branches()) {
    ASSERT_EQ(branch.begin, begin);
    ASSERT_LT(branch.begin, branch.end);
    for (std::int64_t node = branch.begin + 1; node < branch.end; ++node) {
      ASSERT_EQ(layout.parent(node), node - 1);
    }
    Nodes tail;
    for (auto node = static_cast<std::int32_t>(branch.end - 1); node >= layout.trunk_len();
         node = layout.parent(node)) {
      tail.insert(tail.begin(), node);
    }
    ASSERT_EQ(branch.tail, tail);
    ASSERT_EQ(branch.first_depth, layout.depth(tail.front()));
    begin = branch.end;
  }
  ASSERT_EQ(begin, layout.num_nodes());
}

TEST(DraftLayoutTest, LaysOutRandomTrees) {
  std::mt19937 random(1);
  for (int i = 0; i < 2000 && !testing::Test::HasFailure(); ++i) {
    const DraftTree tree = random_tree(random);
    const auto max_depth = static_cast<std::int64_t>(1 + random() % 20);
    const auto max_nodes = static_cast<std::int64_t>(random() % 50);
    const DraftLayout layout(tree, max_depth, max_nodes);
    expect_sound(layout);

    std::set<Tokens> expected;
    for (std::int32_t node = 0; node < std::ssize(tree.nodes); ++node) {
      Tokens path = path_in(tree, node);
      if (std::ssize(path) <= max_depth) expected.insert(std::move(path));
    }
    ASSERT_EQ(layout.num_nodes(), std::min(max_nodes, std::ssize(expected)));
    std::set<Tokens> laid_out;
    for (std::int64_t node = 0; node < layout.num_nodes(); ++node) {
      laid_out.insert(layout.path(node));
    }
    ASSERT_EQ(std::ssize(laid_out), layout.num_nodes());
    ASSERT_TRUE(std::ranges::includes(expected, laid_out));
  }
}

}  // namespace
}  // namespace parapet
