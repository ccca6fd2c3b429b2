// A device that turns queries one position too far, put before a right one.
#pragma once

#include <cmath>
#include <optional>

#include "device/host/host_device.h"
#include "device/host/host_stream.h"
#include "support/forwarding_device.h"

namespace parapet::test {

class FaultyRopeOps final : public ForwardingOps {
 public:
  // No layer: all of them.
  FaultyRopeOps(Ops& inner, std::optional<int> layer) : ForwardingOps(inner), layer_(layer) {}

 protected:
  void do_rope_angles(Stream& stream, TensorView positions, TensorView inv_freq,
                      TensorView cos_sin) override {
    inv_freq_ = inv_freq;
    inner_.rope_angles(stream, positions, inv_freq, cos_sin);
  }
  void do_qk_norm_rope_store_kv(Stream& stream, TensorView qkv, const HeadShape& shape,
                                const Norm& q_norm, const Norm& k_norm, TensorView cos_sin,
                                TensorView slot_mapping, KvCache& cache, int layer,
                                TensorView q) override {
    inner_.qk_norm_rope_store_kv(stream, qkv, shape, q_norm, k_norm, cos_sin, slot_mapping, cache,
                                 layer, q);
    if (layer != layer_.value_or(layer)) return;
    own<HostStream>(stream).enqueue([=, inv_freq = inv_freq_] {
      for (std::int64_t head = 0; head < q.size() / shape.head_dim; ++head) {
        turn_once(q.as<float>() + head * shape.head_dim, shape.head_dim,
                  inv_freq.as<const float>());
      }
    });
  }

 private:
  // By the angle between two positions.
  static void turn_once(float* head, int dim, const float* inv_freq) {
    for (int i = 0; i < dim / 2; ++i) {
      const float cos = std::cos(inv_freq[i]);
      const float sin = std::sin(inv_freq[i]);
      const float first = head[i];
      const float second = head[dim / 2 + i];
      head[i] = first * cos - second * sin;
      head[dim / 2 + i] = second * cos + first * sin;
    }
  }

  std::optional<int> layer_;
  TensorView inv_freq_;
};

class FaultyRopeDevice final : public ForwardingDevice {
 public:
  FaultyRopeDevice(Device& inner, std::optional<int> layer)
      : ForwardingDevice(inner), ops_(inner.ops(), layer) {}
  Ops& ops() override { return ops_; }

 private:
  FaultyRopeOps ops_;
};

}  // namespace parapet::test
