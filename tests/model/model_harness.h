// Drives a model step by step, without an engine: the test says which tokens make a step.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "device/device.h"
#include "model/qwen3.h"

namespace parapet::test {

// Tokens [begin, end) of a prompt, as one sequence's part of a step.
struct Piece {
  std::size_t sequence;
  std::span<const std::int32_t> prompt;
  std::int64_t begin;
  std::int64_t end;
};

// Sequences are numbered from 0; each has max_len positions of its own, in blocks that are neither
// neighbours nor in order.
class ModelHarness {
 public:
  static constexpr int kBlockSize = 16;

  ModelHarness(Device& device, const ModelConfig& config, Weights weights,
               std::size_t num_sequences, std::int64_t max_len, DType kv_dtype = DType::kF32);

  // The logits after each row of the step that is asked for, [rows.size(), vocab]; rows count
  // through all pieces. Fails the process by an exception where the device reports an error.
  std::vector<float> step(std::span<const Piece> pieces, std::span<const std::int32_t> rows);

  // The same, captured into a graph and replayed instead of run.
  std::vector<float> captured_step(std::span<const Piece> pieces,
                                   std::span<const std::int32_t> rows);

  // All logits of one prompt, as sequence 0, in steps of `chunk` tokens.
  std::vector<float> all_logits(std::span<const std::int32_t> prompt, std::int64_t chunk);

 private:
  struct StepInput {
    BatchView batch;
    TensorView logit_rows;
  };

  StepInput prepare(std::span<const Piece> pieces, std::span<const std::int32_t> rows);
  std::vector<float> read(TensorView device);
  std::int32_t block(std::size_t sequence, std::int64_t index) const;
  TensorView upload(const std::vector<std::int32_t>& host);
  TensorView upload(const std::vector<std::int32_t>& host, std::int64_t columns);

  Device& device_;
  std::int64_t num_sequences_;
  std::int64_t blocks_per_sequence_;
  Qwen3Model model_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<KvCache> cache_;
  std::vector<std::unique_ptr<Buffer>> inputs_;  // of the step under way
};

}  // namespace parapet::test
