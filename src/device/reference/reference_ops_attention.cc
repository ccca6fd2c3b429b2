#include <algorithm>
#include <cmath>
#include <limits>

#include "device/host/context_slots.h"
#include "device/host/host_checks.h"
#include "device/host/host_device.h"
#include "device/host/host_stream.h"
#include "device/reference/reference_formulas.h"
#include "device/reference/reference_kv_cache.h"
#include "device/reference/reference_ops.h"

namespace parapet {
namespace {

// Normalises one head and rotates the pairs (i, i + half) by the token's angles.
std::vector<float> norm_and_rotate(const float* head, int head_dim, const Norm& norm,
                                   const float* cos_sin) {
  const std::vector<double> x = rms_norm(head, head_dim, norm);
  const auto half = static_cast<std::size_t>(head_dim / 2);
  std::vector<float> rotated(x.size());
  for (std::size_t i = 0; i < half; ++i) {
    const double cos = cos_sin[i];
    const double sin = cos_sin[half + i];
    rotated[i] = static_cast<float>(x[i] * cos - x[half + i] * sin);
    rotated[half + i] = static_cast<float>(x[half + i] * cos + x[i] * sin);
  }
  return rotated;
}

// One query head over the first `visible` tokens, whose cache slots are given.
void attend(const float* query, const ReferenceKvCache& cache, int layer, int kv_head,
            const std::vector<std::int64_t>& slots, std::size_t visible, float scale, float* out) {
  const int head_dim = cache.spec().head_dim;
  std::vector<double> weights(visible);
  double max_score = -std::numeric_limits<double>::infinity();
  for (std::size_t t = 0; t < visible; ++t) {
    double score = 0.0;
    for (int i = 0; i < head_dim; ++i) {
      score += double{query[i]} * cache.key(layer, slots[t], kv_head, i);
    }
    weights[t] = score * scale;
    max_score = std::max(max_score, weights[t]);
  }
  double sum = 0.0;
  for (double& weight : weights) {
    weight = std::exp(weight - max_score);
    sum += weight;
  }
  for (int i = 0; i < head_dim; ++i) {
    double mixed = 0.0;
    for (std::size_t t = 0; t < visible; ++t) {
      mixed += weights[t] * cache.value(layer, slots[t], kv_head, i);
    }
    out[i] = static_cast<float>(mixed / sum);
  }
}

// The cache slot of each position of a sequence.
std::vector<std::int64_t> context_slots(const BatchView& batch, std::int64_t seq, int block_size) {
  const ContextSlots context(batch, seq, block_size);
  const std::int32_t length = batch.context_lens.as<const std::int32_t>()[seq];
  std::vector<std::int64_t> slots(static_cast<std::size_t>(length));
  for (int t = 0; t < length; ++t) slots[static_cast<std::size_t>(t)] = context.slot(t);
  return slots;
}

}  // namespace

void ReferenceOps::do_qk_norm_rope_store_kv(Stream& stream, TensorView qkv, const HeadShape& shape,
                                            const Norm& q_norm, const Norm& k_norm,
                                            TensorView cos_sin, TensorView slot_mapping,
                                            KvCache& cache, int layer, TensorView q) {
  own<HostStream>(stream).enqueue([=, &kv = own<ReferenceKvCache>(cache)] {
    const std::int64_t num_slots = std::int64_t{kv.spec().num_blocks} * kv.spec().block_size;
    check_indices("slot_mapping", slot_mapping, num_slots);
    const int dim = shape.head_dim;
    for (std::int64_t t = 0; t < qkv.dim(0); ++t) {
      const float* head = qkv.as<const float>() + t * qkv.dim(1);
      const float* const angles = cos_sin.as<const float>() + t * dim;
      const std::int64_t slot = slot_mapping.as<const std::int32_t>()[t];
      float* q_out = q.as<float>() + t * q.dim(1);
      for (int h = 0; h < shape.num_heads; ++h, head += dim, q_out += dim) {
        std::ranges::copy(norm_and_rotate(head, dim, q_norm, angles), q_out);
      }
      const float* value = head + std::ptrdiff_t{shape.num_kv_heads} * dim;
      for (int h = 0; h < shape.num_kv_heads; ++h, head += dim, value += dim) {
        const std::vector<float> key = norm_and_rotate(head, dim, k_norm, angles);
        kv.store(layer, slot, h, key.data(), value);
      }
    }
  });
}

void ReferenceOps::do_paged_attention(Stream& stream, TensorView q, const HeadShape& shape,
                                      const KvCache& cache, int layer, const BatchView& batch,
                                      float scale, TensorView out) {
  own<HostStream>(stream).enqueue([=, &kv = own<const ReferenceKvCache>(cache)] {
    check_batch(batch, kv.spec());
    const auto* const query_start = batch.query_start.as<const std::int32_t>();
    const int group = shape.num_heads / shape.num_kv_heads;
    for (std::int64_t seq = 0; seq < batch.num_seqs(); ++seq) {
      const std::vector<std::int64_t> slots = context_slots(batch, seq, kv.spec().block_size);
      const int end = query_start[seq + 1];
      for (int t = query_start[seq]; t < end; ++t) {
        const std::size_t visible = slots.size() - static_cast<std::size_t>(end - 1 - t);
        for (int h = 0; h < shape.num_heads; ++h) {
          const std::int64_t offset = t * q.dim(1) + std::int64_t{h} * shape.head_dim;
          attend(q.as<const float>() + offset, kv, layer, h / group, slots, visible, scale,
                 out.as<float>() + offset);
        }
      }
    }
  });
}

void ReferenceOps::do_copy_kv_blocks(Stream& stream, KvCache& cache, TensorView pairs) {
  own<HostStream>(stream).enqueue([=, &kv = own<ReferenceKvCache>(cache)] {
    check_indices("pairs", pairs, kv.spec().num_blocks);
    const auto* const blocks = pairs.as<const std::int32_t>();
    for (std::int64_t i = 0; i < pairs.dim(0); ++i) {
      kv.copy_block(blocks[2 * i], blocks[2 * i + 1]);
    }
  });
}

}  // namespace parapet
