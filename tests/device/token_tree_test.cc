// Branches of a token tree: the same bits wherever a sequence's keys lie, and whoever stored them.
#include "device/attention_harness.h"
#include "device/backends.h"

namespace parapet::test {
namespace {

constexpr DType kCacheTypes[] = {DType::kF32, DType::kBF16, DType::kI8};
// Blocks of no panel, of parts of one and of whole ones.
constexpr int kBlockSizes[] = {1, 5, 16, 32};

using TokenTree = BackendTest;

testing::AssertionResult same_from(const Floats& actual, const Floats& expected, int token) {
  return same_bits(actual.row(token), expected.row(token), (expected.rows - token) * expected.cols);
}

// Three chunks of the online softmax; a tail from each offset in a block on, or of all or nothing.
TEST_P(TokenTree, TailsReadAsTables) {
  constexpr int kLength = 150;
  for (const DType kv_dtype : kCacheTypes) {
    for (const int block_size : kBlockSizes) {
      const AttentionSetup setup{.shape = {6, 2, 20},
                                 .block_size = block_size,
                                 .kv_dtype = kv_dtype,
                                 .lengths = {kLength}};
      AttentionHarness plain(device(), setup);
      plain.step({{0, kLength}});
      std::vector<int> tail_starts = {0, 1, 63, 64, 149, kLength};
      for (int offset = 0; offset < block_size; ++offset) tail_starts.push_back(96 + offset);
      for (const int tail_start : tail_starts) {
        AttentionHarness branch(device(), setup);
        branch.scatter_tail(0, tail_start);
        branch.step({{0, 131}});
        branch.step({{0, 18}});
        branch.step({{0, 1}});
        EXPECT_TRUE(same_from(branch.outputs(0), plain.outputs(0), 0))
            << dtype_name(kv_dtype) << ", blocks of " << block_size << ", tail from " << tail_start;
      }
    }
  }
}

// A trunk and three branches, one of them on another's tokens.
const std::vector<int> kTreeLengths = {77, 85, 76, 90};
struct Branch {
  int seq;
  int parent;
  int shared;      // tokens
  int tail_start;  // the latest: from there on its keys are not the trunk's
};
constexpr Branch kBranches[] = {{1, 0, 77, 77}, {2, 0, 66, 66}, {3, 1, 80, 77}};

// Computed in one step, whose rows read each other's keys; then each branch goes on by itself.
void compute_tree(AttentionHarness& tree, bool late_tails) {
  tree.step({{0, 50}});
  for (const Branch& branch : kBranches) {
    tree.fork(branch.seq, branch.parent, branch.shared, late_tails ? branch.tail_start : 50);
  }
  tree.step({{3, 2}, {1, 5}, {0, 27}, {2, 8}});
  tree.step({{1, 3}, {3, 8}, {2, 2}});
}

void expect_paths_alone(Device& device, const AttentionSetup& setup, const AttentionHarness& tree) {
  for (const int seq : {0, 1, 2, 3}) {
    AttentionHarness alone(device, setup);
    int shared = 0;
    for (const Branch& branch : kBranches) {
      alone.same_tokens(branch.seq, branch.parent, branch.shared);
      if (branch.seq == seq) shared = branch.shared;
    }
    alone.step({{seq, kTreeLengths[static_cast<std::size_t>(seq)]}});
    EXPECT_TRUE(same_from(tree.outputs(seq), alone.outputs(seq), shared))
        << dtype_name(setup.kv_dtype) << ", blocks of " << setup.block_size << ", sequence " << seq;
  }
}

TEST_P(TokenTree, BranchesEqualTheirPathsAlone) {
  for (const DType kv_dtype : kCacheTypes) {
    for (const int block_size : {5, 16}) {
      for (const HeadShape& shape : {HeadShape{2, 2, 6}, HeadShape{14, 2, 64}}) {
        const AttentionSetup setup{.shape = shape,
                                   .block_size = block_size,
                                   .kv_dtype = kv_dtype,
                                   .lengths = kTreeLengths};
        // Tails as long as the step, and as short as they can be.
        for (const bool late_tails : {false, true}) {
          AttentionHarness tree(device(), setup);
          compute_tree(tree, late_tails);
          expect_paths_alone(device(), setup, tree);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, TokenTree, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace parapet::test
