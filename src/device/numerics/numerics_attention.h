// Attention as a fused kernel of an accelerator computes it: scores and sums in float, and the
// exponentials rounded to bfloat16 before they meet the values.
#pragma once

#include "device/host/host_kv_cache.h"
#include "device/ops.h"

namespace parapet {

struct AttentionCall {
  TensorView q;
  HeadShape shape;
  const HostKvCache& cache;
  int layer = 0;
  const BatchView& batch;
  float scale = 0;
  TensorView out;
};

// out = sum_t bf16(exp(s_t - max s)) v_t / sum_t exp(s_t - max s), rounded to bf16, with
// s_t = scale * q k_t. Sums over t are in order of position.
void run_rounded_attention(const AttentionCall& call, int num_threads);

}  // namespace parapet
