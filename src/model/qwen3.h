// The forward pass of Qwen3ForCausalLM, written once for every device.
#pragma once

#include <cstdint>
#include <memory>

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

  const ModelConfig& config() const { return config_; }
  const StepLimits& limits() const { return limits_; }
  const WeightsSummary& weights_summary() const { return weights_.host.summary(); }

  // What a KV cache for this model looks like.
  KvCacheSpec kv_cache_spec(int num_blocks, int block_size, DType dtype) const;

  // Enqueues one step: the keys and values of the batch's tokens go into the cache, and the logits
  // that follow its rows logit_rows (i32 [n]) come back as f32 [n, vocab], in a buffer of the model
  // that the next step overwrites. n may be 0. Token ids must be below vocab_size, and the batch
  // within limits(): that is for the engine to see to.
  TensorView forward(Stream& stream, const BatchView& batch, KvCache& cache, TensorView logit_rows);

 private:
  // What flows between ops; f32, sized for the largest step.
  struct Activations {
    static Result<Activations> allocate(Device& device, const ModelConfig& config,
                                        const StepLimits& limits);

    std::vector<std::unique_ptr<Buffer>> buffers;
    TensorView hidden;     // [tokens, hidden]  the residual stream
    TensorView cos_sin;    // [tokens, head_dim]
    TensorView qkv;        // [tokens, (heads + 2 kv_heads) * head_dim]
    TensorView query;      // [tokens, heads * head_dim]
    TensorView attention;  // [tokens, heads * head_dim]
    TensorView mlp;        // [tokens, intermediate]
    TensorView last;       // [rows, hidden]
    TensorView logits;     // [rows, vocab]
  };

  Qwen3Model(Device& device, const ModelConfig& config, const StepLimits& limits,
             Qwen3Weights weights, Activations activations);

  void attention_block(Stream& stream, const BatchView& batch, KvCache& cache, int layer);
  void mlp_block(Stream& stream, std::int64_t num_tokens, int layer);

  Device* device_;
  ModelConfig config_;
  StepLimits limits_;
  HeadShape heads_;
  Qwen3Weights weights_;
  Activations activations_;
};

}  // namespace parapet
