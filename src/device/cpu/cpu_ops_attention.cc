#include "device/cpu/attention.h"
#include "device/cpu/cpu_kv_cache.h"
#include "device/cpu/cpu_ops.h"
#include "device/host/host_checks.h"
#include "device/host/host_device.h"
#include "device/host/host_stream.h"

namespace parapet::cpu {
namespace {

// Normalises and rotates heads. A null scale leaves them as long as they are.
class HeadTransform {
 public:
  HeadTransform(const KernelTable& kernels, const Norm& norm, int head_dim, float* scale)
      : kernels_(kernels), eps_(norm.eps), dim_(head_dim) {
    if (norm.scale.null()) return;
    scale_ = scale;
    kernels.widen[static_cast<int>(norm.scale.dtype())](norm.scale.as<const std::byte>(), dim_,
                                                        scale);
  }

  void run(const float* head, const float* angles, float* normed, float* out) const {
    if (scale_ == nullptr) {
      kernels_.rotate(head, angles, dim_ / 2, out);
      return;
    }
    kernels_.scale(head, kernels_.inverse_rms(head, dim_, eps_), scale_, dim_, normed);
    kernels_.rotate(normed, angles, dim_ / 2, out);
  }

 private:
  const KernelTable& kernels_;
  const float* scale_ = nullptr;
  float eps_;
  int dim_;
};

}  // namespace

void CpuOps::do_qk_norm_rope_store_kv(Stream& stream, TensorView qkv, const HeadShape& shape,
                                      const Norm& q_norm, const Norm& k_norm, TensorView cos_sin,
                                      TensorView slot_mapping, KvCache& cache, int layer,
                                      TensorView q) {
  auto& host_stream = own<HostStream>(stream);
  host_stream.enqueue([=, this, &host_stream, &kv = own<CpuKvCache>(cache)] {
    check_indices("slot_mapping", slot_mapping,
                  std::int64_t{kv.spec().num_blocks} * kv.spec().block_size);
    const std::int64_t dim = shape.head_dim;
    float* const scratch = host_stream.workspace().floats(
        static_cast<std::size_t>(2 * dim * (1 + pool_.num_threads())));
    const HeadTransform q_transform(kernels_, q_norm, shape.head_dim, scratch);
    const HeadTransform k_transform(kernels_, k_norm, shape.head_dim, scratch + dim);

    pool_.run(qkv.dim(0), [&](std::int64_t t, int thread) {
      float* const normed = scratch + 2 * dim * (1 + thread);
      float* const key = normed + dim;
      const float* const angles = cos_sin.as<const float>() + t * dim;
      const float* const q_in = qkv.as<const float>() + t * qkv.dim(1);
      float* const q_out = q.as<float>() + t * q.dim(1);
      for (int h = 0; h < shape.num_heads; ++h) {
        q_transform.run(q_in + h * dim, angles, normed, q_out + h * dim);
      }
      const float* const k_in = q_in + shape.num_heads * dim;
      const float* const v_in = k_in + shape.num_kv_heads * dim;
      for (int h = 0; h < shape.num_kv_heads; ++h) {
        k_transform.run(k_in + h * dim, angles, normed, key);
        kv.store(layer, slot_mapping.as<const std::int32_t>()[t], h, key, v_in + h * dim);
      }
    });
  });
}

void CpuOps::do_paged_attention(Stream& stream, TensorView q, const HeadShape& shape,
                                const KvCache& cache, int layer, const BatchView& batch,
                                float scale, TensorView out) {
  auto& host_stream = own<HostStream>(stream);
  host_stream.enqueue([=, this, &host_stream, &kv = own<const CpuKvCache>(cache)] {
    check_batch(batch, kv.spec());
    run_attention(kernels_, pool_, host_stream.workspace(),
                  {.q = q,
                   .out = out,
                   .shape = shape,
                   .cache = kv,
                   .layer = layer,
                   .batch = batch,
                   .scale = scale});
  });
}

void CpuOps::do_copy_kv_blocks(Stream& stream, KvCache& cache, TensorView pairs) {
  own<HostStream>(stream).enqueue([=, &kv = own<CpuKvCache>(cache)] {
    check_indices("pairs", pairs, kv.spec().num_blocks);
    const auto* const blocks = pairs.as<const std::int32_t>();
    for (std::int64_t i = 0; i < pairs.dim(0); ++i) {
      kv.copy_block(blocks[2 * i], blocks[2 * i + 1]);
    }
  });
}

}  // namespace parapet::cpu
