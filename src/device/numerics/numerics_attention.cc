#include "device/numerics/numerics_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "device/host/context_slots.h"
#include "device/numerics/rounded_formulas.h"

namespace parapet {
namespace {

// Keys and values of one head and sequence, side by side. Keys are transposed: a score then needs
// no sum across neighbours.
struct HeadContext {
  std::int64_t length = 0;
  std::vector<float> keys;    // [head_dim, length]
  std::vector<float> values;  // [length, head_dim]
};

HeadContext gather(const AttentionCall& call, std::int64_t seq, int kv_head) {
  const ContextSlots slots(call.batch, seq, call.cache.spec().block_size);
  const auto dim = static_cast<std::size_t>(call.shape.head_dim);
  HeadContext context;
  context.length = call.batch.context_lens.as<const std::int32_t>()[seq];
  const auto length = static_cast<std::size_t>(context.length);
  context.keys.resize(dim * length);
  context.values.resize(dim * length);
  std::vector<float> key(dim);
  for (std::size_t t = 0; t < length; ++t) {
    const std::int64_t slot = slots.slot(static_cast<int>(t));
    call.cache.read_key(call.layer, slot, kv_head, key.data());
    for (std::size_t d = 0; d < dim; ++d) context.keys[d * length + t] = key[d];
    call.cache.read_value(call.layer, slot, kv_head, context.values.data() + t * dim);
  }
  return context;
}

// One query head over the first `visible` tokens. scores has room for as many.
void attend(const float* query, const HeadContext& context, std::int64_t visible, int head_dim,
            float scale, float* scores, float* out) {
  std::fill_n(scores, visible, 0.0F);
  for (int d = 0; d < head_dim; ++d) {
    const float* const keys = context.keys.data() + d * context.length;
    const float q = query[d];
    for (std::int64_t t = 0; t < visible; ++t) scores[t] += q * keys[t];
  }
  float max = -INFINITY;
  for (std::int64_t t = 0; t < visible; ++t) {
    scores[t] *= scale;
    max = std::max(max, scores[t]);
  }
  float sum = 0.0F;
  std::fill_n(out, head_dim, 0.0F);
  for (std::int64_t t = 0; t < visible; ++t) {
    const float weight = std::exp(scores[t] - max);
    sum += weight;
    const float rounded = rounded_to_bf16(weight);
    const float* const value = context.values.data() + t * head_dim;
    for (int d = 0; d < head_dim; ++d) out[d] += rounded * value[d];
  }
  for (int d = 0; d < head_dim; ++d) out[d] = rounded_to_bf16(out[d] / sum);
}

// All queries of a sequence that read one KV head.
void attend_all(const AttentionCall& call, std::int64_t seq, int kv_head) {
  const HeadContext context = gather(call, seq, kv_head);
  const auto* const query_start = call.batch.query_start.as<const std::int32_t>();
  const int group = call.shape.num_heads / call.shape.num_kv_heads;
  const int dim = call.shape.head_dim;
  std::vector<float> scores(static_cast<std::size_t>(context.length));
  const std::int64_t end = query_start[seq + 1];
  for (std::int64_t t = query_start[seq]; t < end; ++t) {
    const std::int64_t visible = context.length - (end - 1 - t);
    for (int h = kv_head * group; h < (kv_head + 1) * group; ++h) {
      const std::int64_t offset = t * call.q.dim(1) + std::int64_t{h} * dim;
      attend(call.q.as<const float>() + offset, context, visible, dim, call.scale, scores.data(),
             call.out.as<float>() + offset);
    }
  }
}

}  // namespace

void run_rounded_attention(const AttentionCall& call, int num_threads) {
  const auto kv_heads = static_cast<std::size_t>(call.shape.num_kv_heads);
  const auto seqs = static_cast<std::size_t>(call.batch.num_seqs());
  for_each_task(seqs * kv_heads, num_threads,
                [&](std::size_t task) {
                  attend_all(call, static_cast<std::int64_t>(task / kv_heads),
                             static_cast<int>(task % kv_heads));
                },
                {});
}

}  // namespace parapet
