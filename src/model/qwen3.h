// The forward pass of Qwen3ForCausalLM, written once for every device.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "device/device.h"
#include "device/ops.h"
#include "model/qwen3_weights.h"
#include "parapet/error.h"

namespace parapet {

// The largest step that a model's buffers hold.
struct StepLimits {
  std::int64_t max_num_tokens = 0;      // of all sequences together
  std::int64_t max_num_logit_rows = 0;  // tokens whose logits are read
};

// A loaded model. The device must outlive it. Between steps it keeps no state but its buffers,
// which stay where they are for its whole life: a captured step can be replayed.
class Qwen3Model {
 public:
  static Result<Qwen3Model> load(Device& device, const ModelConfig& config, Weights weights,
                                 const StepLimits& limits);

  // What its buffers take, beside the weights.
  static std::int64_t activation_bytes(const ModelConfig& config, const StepLimits& limits);

  const ModelConfig& config() const { return config_; }
  const StepLimits& limits() const { return limits_; }
  const WeightsSummary& weights_summary() const { return weights_.host.summary(); }

  // What a KV cache for this model looks like.
  KvCacheSpec kv_cache_spec(int num_blocks, int block_size, DType dtype) const;

  // Enqueues one step: the keys and values of the batch's tokens go into the cache. Token ids must
  // be below vocab_size, and the batch within limits(): that is for the engine to see to.
  void forward(Stream& stream, const BatchView& batch, KvCache& cache);
  // After it: the logits that follow the step's rows `rows` (i32 [n]), f32 [n, vocab], in a buffer
  // of the model that the next call overwrites.
  TensorView logits(Stream& stream, TensorView rows);

  // forward() in pieces, for those who capture: piece 0, attention 0, piece 1, ... A piece's shapes
  // follow from the number of rows alone; only attention depends on where sequences begin and end.
  int num_pieces() const { return static_cast<int>(weights_.layers.size()); }
  // token_ids and positions: i32 [rows].
  void piece(Stream& stream, TensorView token_ids, TensorView positions, int index);
  void attention(Stream& stream, const BatchView& batch, KvCache& cache, int index);

 private:
  // What flows between ops; f32, sized for the largest step.
  struct Activations {
    struct Extent {
      TensorView Activations::*view;
      std::int64_t rows;
      std::int64_t features;
    };
    static std::vector<Extent> extents(const ModelConfig& config, const StepLimits& limits);
    static Result<Activations> allocate(Device& device, const ModelConfig& config,
                                        const StepLimits& limits);

    std::vector<std::unique_ptr<Buffer>> buffers;
    TensorView hidden;          // [tokens, hidden]  the residual stream
    TensorView cos_sin;         // [tokens, head_dim]
    TensorView qkv;             // [tokens, (heads + 2 kv_heads) * head_dim]
    TensorView query;           // [tokens, heads * head_dim]
    TensorView attention;       // [tokens, heads * head_dim]
    TensorView mlp;             // [tokens, intermediate]
    TensorView last;            // [rows, hidden]  of the rows that are read
    TensorView last_attention;  // [rows, heads * head_dim]
    TensorView logits;          // [rows, vocab]
  };

  Qwen3Model(Device& device, const ModelConfig& config, const StepLimits& limits,
             Qwen3Weights weights, Activations activations);

  void finish_layer(Stream& stream, int layer, TensorView attention, TensorView hidden);

  Device* device_;
  ModelConfig config_;
  StepLimits limits_;
  HeadShape heads_;
  Qwen3Weights weights_;
  Activations activations_;
};

}  // namespace parapet
