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

// A trunk and three branches, one of them on another's tokens, all computed in one step; then each
// goes on by itself.
TEST_P(TokenTree, BranchesEqualTheirPathsAlone) {
  const std::vector<int> lengths = {77, 85, 76, 90};
  struct Branch {
    int parent;
    int shared;
  };
  const Branch branches[] = {{0, 0}, {0, 77}, {0, 66}, {1, 80}};
  for (const DType kv_dtype : kCacheTypes) {
    for (const int block_size : kBlockSizes) {
      for (const HeadShape& shape : {HeadShape{2, 2, 6}, HeadShape{14, 2, 64}}) {
        const AttentionSetup setup{
            .shape = shape, .block_size = block_size, .kv_dtype = kv_dtype, .lengths = lengths};
        AttentionHarness tree(device(), setup);
        tree.step({{0, 50}});
        for (const int seq : {1, 2, 3})
          tree.fork(seq, branches[seq].parent, branches[seq].shared, 50);
        tree.step({{3, 2}, {1, 5}, {0, 27}, {2, 8}});
        tree.step({{1, 3}, {3, 8}, {2, 2}});

        for (const int seq : {0, 1, 2, 3}) {
          AttentionHarness alone(device(), setup);
          for (const int s : {1, 2, 3})
            alone.same_tokens(s, branches[s].parent, branches[s].shared);
          alone.step({{seq, lengths[static_cast<std::size_t>(seq)]}});
          EXPECT_TRUE(same_from(tree.outputs(seq), alone.outputs(seq), branches[seq].shared))
              << dtype_name(kv_dtype) << ", blocks of " << block_size << ", sequence " << seq;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, TokenTree, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace parapet::test
