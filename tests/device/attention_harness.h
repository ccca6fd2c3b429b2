// Sequences whose projections are fixed in advance, fed to a device in whatever steps a test likes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "device/device.h"
#include "device/ops.h"
#include "device/test_tensor.h"

namespace parapet::test {

struct AttentionSetup {
  HeadShape shape;
  int block_size = 16;
  DType kv_dtype = DType::kF32;
  std::vector<int> lengths;  // tokens of each sequence
  int layer = 1;             // of two
};

// Some next tokens of one sequence.
struct Advance {
  int seq;
  int tokens;
};

class AttentionHarness {
 public:
  // Projections and norms depend on the setup's shape and lengths alone.
  AttentionHarness(Device& device, const AttentionSetup& setup);

  // One batch: stores keys and values of the tokens, then attends.
  void step(const std::vector<Advance>& batch);

  // Queries after norm and rotation, and attention's output: [length, heads * head_dim].
  const Floats& queries(int seq) const { return queries_[static_cast<std::size_t>(seq)]; }
  const Floats& outputs(int seq) const { return outputs_[static_cast<std::size_t>(seq)]; }

  // The same in double, from the formulas.
  Floats expected_queries(int seq) const;
  Floats expected_outputs(int seq) const;

  KvCache& cache() { return *cache_; }
  Stream& stream() { return *stream_; }
  // Makes the sequence read another block in place of its i-th.
  void replace_block(int seq, int i, std::int32_t block);
  std::int32_t block(int seq, int i) const;
  // Blocks that belong to no sequence.
  std::int32_t spare_block() const { return spare_block_; }
  // From position tail_start on the sequence has its slots in reverse, outside the block table.
  void scatter_tail(int seq, int tail_start);
  // A token's query, key and value are NaN.
  void spoil(int seq, int token);
  // The sequence's first tokens become those of another one.
  void same_tokens(int seq, int parent, int count);
  // Likewise; it reads them where the parent has them: in its blocks below tail_start, from there
  // on by slot. What follows goes to the sequence's own blocks.
  void fork(int seq, int parent, int shared, int tail_start);
  // Forgets that the sequence's last tokens were computed.
  void rewind(int seq, int tokens) { done_[static_cast<std::size_t>(seq)] -= tokens; }

  float scale() const { return scale_; }

 private:
  std::int32_t slot(int seq, int position) const;
  Doubles head(int seq, int token, int index) const;
  Doubles normed_and_rotated(int seq, int token, int index, const TestTensor& norm) const;

  Device& device_;
  AttentionSetup setup_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<KvCache> cache_;
  std::vector<Floats> qkv_;     // per sequence [length, (heads + 2 kv_heads) * head_dim]
  std::vector<Floats> angles_;  // per sequence [length, head_dim]
  std::vector<Floats> queries_;
  std::vector<Floats> outputs_;
  std::vector<int> done_;
  std::vector<std::vector<std::int32_t>> tables_;
  std::vector<int> tail_starts_;                  // kNoTail: all in the table
  std::vector<std::vector<std::int32_t>> tails_;  // slots of the positions from tail_start on
  std::int32_t spare_block_ = 0;
  TestTensor q_norm_;
  TestTensor k_norm_;
  float scale_;
};

}  // namespace parapet::test
