// Random quantized matrices in the packed layout, written from its description alone.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "base/half.h"
#include "base/packed_weight.h"

namespace parapet::test {

class PackedTensor {
 public:
  // With factors of inputs, which depend on their number alone, so that tensors can be stacked.
  PackedTensor(WeightFormat format, std::int64_t group_size, std::int64_t out, std::int64_t in,
               unsigned seed, bool factors = false)
      : shape_{format, out, in, group_size, factors},
        zero_(format == WeightFormat::kInt8 ? 128 : 8) {
    for (std::int64_t i = 0; factors && i < in; ++i) {
      factors_.push_back(f32_to_bf16(0.25F + static_cast<float>(i * 37 % 101) / 27.0F));
    }
    const std::int64_t panels = (out + 15) / 16;
    const std::int64_t groups = (in + group_size - 1) / group_size;
    values_.resize(static_cast<std::size_t>(out * in));
    scales_.assign(static_cast<std::size_t>(panels * groups * 16), 0);
    const auto empty = static_cast<std::uint8_t>(format == WeightFormat::kInt8 ? 0x80 : 0x88);
    const std::int64_t bits = format == WeightFormat::kInt8 ? 8 : 4;
    codes_.assign(1 + static_cast<std::size_t>(panels * groups * 16 * group_size * bits / 8),
                  empty);
    std::mt19937 random(seed);
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t g = 0; g < groups; ++g) fill(o, g, groups, random);
    }
  }

  PackedMatrix matrix() const {
    return {shape_, codes(), scales_.data(), factors_.empty() ? nullptr : factors_.data()};
  }
  // What an input is multiplied with.
  float factor(std::int64_t in) const {
    return factors_.empty() ? 1.0F : bf16_to_f32(factors_[static_cast<std::size_t>(in)]);
  }
  // scale * (code - zero), exact, without the factor.
  double at(std::int64_t out, std::int64_t in) const {
    return values_[static_cast<std::size_t>(out * shape_.in_features + in)];
  }
  const PackedShape& shape() const { return shape_; }

 private:
  // At an odd address: nothing may depend on alignment but speed.
  const std::uint8_t* codes() const { return codes_.data() + 1; }

  void fill(std::int64_t o, std::int64_t g, std::int64_t groups, std::mt19937& random) {
    std::uniform_real_distribution<float> spread(0.5F, 2.0F);
    // Signed: an int4 scale may be negative.
    const float sign = shape_.format == WeightFormat::kInt4 && random() % 2 == 0 ? -1.0F : 1.0F;
    const std::uint16_t scale = f32_to_bf16(sign * spread(random) / 64.0F);
    scales_[static_cast<std::size_t>((o / 16 * groups + g) * 16 + o % 16)] = scale;
    const std::int64_t end = std::min(shape_.in_features, (g + 1) * shape_.group_size);
    for (std::int64_t i = g * shape_.group_size; i < end; ++i) {
      const int lowest = zero_ == 128 ? 1 : 0;
      const int code =
          lowest + static_cast<int>(random() % static_cast<unsigned>(2 * zero_ - lowest));
      put(o, g, i % shape_.group_size, groups, code);
      values_[static_cast<std::size_t>(o * shape_.in_features + i)] =
          double{bf16_to_f32(scale)} * (code - zero_);
    }
  }

  void put(std::int64_t o, std::int64_t g, std::int64_t k, std::int64_t groups, int code) {
    std::uint8_t* const all = codes_.data() + 1;
    if (zero_ == 128) {
      const std::int64_t group = (o / 16 * groups + g) * 16 * shape_.group_size;
      all[group + k / 4 * 64 + o % 16 * 4 + k % 4] = static_cast<std::uint8_t>(code);
      return;
    }
    const std::int64_t group = (o / 16 * groups + g) * 8 * shape_.group_size;
    std::uint8_t& byte = all[group + k / 8 * 64 + o % 16 * 4 + k % 4];
    const int other = k % 8 < 4 ? byte & 0xf0 : byte & 0x0f;
    byte = static_cast<std::uint8_t>(other | (k % 8 < 4 ? code : code << 4));
  }

  PackedShape shape_;
  int zero_;
  std::vector<std::uint8_t> codes_;
  std::vector<std::uint16_t> scales_;
  std::vector<std::uint16_t> factors_;
  std::vector<double> values_;
};

}  // namespace parapet::test
