#include "device/numerics/numerics_device.h"

#include <cstring>
#include <utility>
#include <vector>

#include "base/half.h"
#include "base/parallel.h"
#include "device/host/host_memory.h"
#include "device/numerics/numerics_ops.h"

namespace parapet {
namespace {

// Rows [begin, end) of a float matrix in bf16.
void round_weight(const TensorView& from, std::int64_t begin, std::int64_t end, std::uint16_t* to) {
  for (std::int64_t i = begin * from.dim(1); i < end * from.dim(1); ++i) {
    float value = 0.0F;
    if (from.dtype() == DType::kF32) {
      std::memcpy(&value, from.as<const std::byte>() + i * 4, sizeof value);  // mapped: unaligned
    } else {
      std::uint16_t bits = 0;
      std::memcpy(&bits, from.as<const std::byte>() + i * 2, sizeof bits);
      value = f16_to_f32(bits);
    }
    to[i] = f32_to_bf16(value);
  }
}

class HostNumericsDevice final : public NumericsDevice {
 public:
  explicit HostNumericsDevice(std::unique_ptr<Device> inner)
      : inner_(std::move(inner)), info_(inner_->info()), ops_(*inner_) {}

  void set_numerics(const Numerics& numerics) override {
    const bool all = numerics.rounding == Rounding::bfloat16();
    info_.activation_dtype = all ? DType::kBF16 : DType::kF32;
    rounds_weights_ = numerics.rounding.has(Rounded::kWeights);
    ops_.set_numerics(numerics);
  }
  void set_taps(OpTaps* taps) override { ops_.set_taps(taps); }

  const DeviceInfo& info() const override { return info_; }
  Ops& ops() override { return ops_; }
  Result<std::unique_ptr<Buffer>> allocate(std::size_t bytes) override {
    return inner_->allocate(bytes);
  }
  Result<std::unique_ptr<Stream>> create_stream() override { return inner_->create_stream(); }
  Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) override {
    return inner_->create_kv_cache(spec);
  }
  Result<std::unique_ptr<LinearWeight>> load_linear(std::span<const TensorView> parts) override;
  Result<std::unique_ptr<LinearWeight>> load_packed_linear(
      std::span<const PackedMatrix> parts) override {
    return inner_->load_packed_linear(parts);
  }
  // Norm scales are rounded where they are used.
  Result<std::unique_ptr<Buffer>> load_tensor(const TensorView& host) override {
    return inner_->load_tensor(host);
  }

 private:
  std::unique_ptr<Device> inner_;
  DeviceInfo info_;
  bool rounds_weights_ = false;
  std::vector<AlignedBytes> rounded_;  // weights, for the device's whole life
  NumericsOps ops_;
};

Result<std::unique_ptr<LinearWeight>> HostNumericsDevice::load_linear(
    std::span<const TensorView> parts) {
  std::vector<TensorView> own(parts.begin(), parts.end());
  for (TensorView& part : own) {
    const bool wider = part.dtype() == DType::kF32 || part.dtype() == DType::kF16;
    if (!rounds_weights_ || !wider || part.rank() != 2) continue;
    const auto elements = static_cast<std::size_t>(part.size());
    AlignedBytes memory = try_allocate_aligned(elements * sizeof(std::uint16_t));
    if (!memory) {
      return Error{ErrorCode::kResourceExhausted, "cannot allocate memory for rounded weights"};
    }
    auto* const bits = reinterpret_cast<std::uint16_t*>(memory.get());
    for_each_task(static_cast<std::size_t>(part.dim(0)), info_.num_threads,
                  [&](std::size_t row) {
                    const auto begin = static_cast<std::int64_t>(row);
                    round_weight(part, begin, begin + 1, bits);
                  },
                  {});
    part = TensorView(bits, DType::kBF16, {part.dim(0), part.dim(1)});
    rounded_.push_back(std::move(memory));
  }
  return inner_->load_linear(own);
}

}  // namespace

std::unique_ptr<NumericsDevice> create_numerics_device(std::unique_ptr<Device> inner,
                                                       const Numerics& numerics) {
  auto device = std::make_unique<HostNumericsDevice>(std::move(inner));
  device->set_numerics(numerics);
  return device;
}

}  // namespace parapet
