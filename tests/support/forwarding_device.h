// A device that does what another one does, for tests to change some of it.
#pragma once

#include <memory>
#include <span>

#include "device/device.h"
#include "device/ops.h"

namespace parapet::test {

class ForwardingOps : public Ops {
 public:
  explicit ForwardingOps(Ops& inner) : inner_(inner) {}

 protected:
  void do_embed(Stream& stream, TensorView token_ids, const LinearWeight& table,
                TensorView hidden) override {
    inner_.embed(stream, token_ids, table, hidden);
  }
  void do_rope_angles(Stream& stream, TensorView positions, TensorView inv_freq,
                      TensorView cos_sin) override {
    inner_.rope_angles(stream, positions, inv_freq, cos_sin);
  }
  void do_norm_linear(Stream& stream, TensorView x, const Norm& norm, const LinearWeight& weight,
                      TensorView out) override {
    inner_.norm_linear(stream, x, norm, weight, out);
  }
  void do_linear_add(Stream& stream, TensorView x, const LinearWeight& weight,
                     TensorView residual) override {
    inner_.linear_add(stream, x, weight, residual);
  }
  void do_norm_gate_up_silu(Stream& stream, TensorView x, const Norm& norm,
                            const LinearWeight& gate_up, TensorView out) override {
    inner_.norm_gate_up_silu(stream, x, norm, gate_up, out);
  }
  void do_qk_norm_rope_store_kv(Stream& stream, TensorView qkv, const HeadShape& shape,
                                const Norm& q_norm, const Norm& k_norm, TensorView cos_sin,
                                TensorView slot_mapping, KvCache& cache, int layer,
                                TensorView q) override {
    inner_.qk_norm_rope_store_kv(stream, qkv, shape, q_norm, k_norm, cos_sin, slot_mapping, cache,
                                 layer, q);
  }
  void do_paged_attention(Stream& stream, TensorView q, const HeadShape& shape,
                          const KvCache& cache, int layer, const BatchView& batch, float scale,
                          TensorView out) override {
    inner_.paged_attention(stream, q, shape, cache, layer, batch, scale, out);
  }
  void do_gather_rows(Stream& stream, TensorView x, TensorView rows, TensorView out) override {
    inner_.gather_rows(stream, x, rows, out);
  }
  void do_argmax(Stream& stream, TensorView logits, TensorView ids) override {
    inner_.argmax(stream, logits, ids);
  }
  void do_select_logprobs(Stream& stream, TensorView logits, TensorView ids,
                          TensorView logprobs) override {
    inner_.select_logprobs(stream, logits, ids, logprobs);
  }
  void do_copy_kv_blocks(Stream& stream, KvCache& cache, TensorView pairs) override {
    inner_.copy_kv_blocks(stream, cache, pairs);
  }

  Ops& inner_;
};

// All but the ops.
class ForwardingDevice : public Device {
 public:
  explicit ForwardingDevice(Device& inner) : inner_(inner) {}

  const DeviceInfo& info() const override { return inner_.info(); }
  Result<std::unique_ptr<Buffer>> allocate(std::size_t bytes) override {
    return inner_.allocate(bytes);
  }
  Result<std::unique_ptr<Stream>> create_stream() override { return inner_.create_stream(); }
  Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) override {
    return inner_.create_kv_cache(spec);
  }
  Result<std::unique_ptr<LinearWeight>> load_linear(std::span<const TensorView> parts) override {
    return inner_.load_linear(parts);
  }
  Result<std::unique_ptr<LinearWeight>> load_packed_linear(
      std::span<const PackedMatrix> parts) override {
    return inner_.load_packed_linear(parts);
  }
  Result<std::unique_ptr<Buffer>> load_tensor(const TensorView& host) override {
    return inner_.load_tensor(host);
  }

 private:
  Device& inner_;
};

}  // namespace parapet::test
