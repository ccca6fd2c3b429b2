// The weights of a Qwen3ForCausalLM as a device holds them.
#pragma once

#include <memory>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "device/device.h"
#include "device/ops.h"
#include "parapet/error.h"

namespace parapet {

struct Qwen3Layer {
  Norm input_norm;
  std::unique_ptr<LinearWeight> qkv;  // [(heads + 2 kv_heads) * head_dim, hidden]: q, k, v
  Norm q_norm;                        // scale [head_dim], the same for every head
  Norm k_norm;
  std::unique_ptr<LinearWeight> o_proj;  // [hidden, heads * head_dim]
  Norm post_attention_norm;
  std::unique_ptr<LinearWeight> gate_up;  // [2 * intermediate, hidden]: gate, up
  std::unique_ptr<LinearWeight> down;     // [hidden, intermediate]
};

struct Qwen3Weights {
  static Result<Qwen3Weights> load(Device& device, const ModelConfig& config, Weights host);

  Weights host;                                  // a CPU reads weights where they are mapped
  std::vector<float> inv_freq_host;              // and so it does with these
  std::vector<std::unique_ptr<Buffer>> buffers;  // behind every TensorView below
  std::unique_ptr<LinearWeight> embedding;       // [vocab, hidden]
  TensorView inv_freq;                           // f32 [head_dim / 2]
  std::vector<Qwen3Layer> layers;
  Norm final_norm;
  std::unique_ptr<LinearWeight> untied_lm_head;  // [vocab, hidden]; null where the embedding is it

  const LinearWeight& lm_head() const { return untied_lm_head ? *untied_lm_head : *embedding; }
};

}  // namespace parapet
