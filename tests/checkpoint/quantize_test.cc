#include "checkpoint/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/half.h"
#include "checkpoint/tensor_values.h"

namespace parapet {
namespace {

// A matrix of f32, bf16 or f16, owned.
struct Dense {
  std::vector<std::byte> bytes;
  WeightTensor tensor;
};

std::uint16_t f32_to_f16(float value) {  // cut off, subnormal halves to 0: enough for tests
  if (std::abs(value) < 0x1p-14F) return 0;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits >> 16 & 0x8000U) |
                                    (((bits & 0x7fffffffU) - 0x38000000U) >> 13 & 0x7fffU));
}

Dense dense_of(const std::vector<float>& values, std::int64_t out, std::int64_t in, DType dtype) {
  Dense dense;
  dense.bytes.resize(values.size() * dtype_size(dtype));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::kF32) {
      std::memcpy(&dense.bytes[4 * i], &values[i], 4);
    } else {
      const std::uint16_t bits =
          dtype == DType::kBF16 ? f32_to_bf16(values[i]) : f32_to_f16(values[i]);
      std::memcpy(&dense.bytes[2 * i], &bits, 2);
    }
  }
  dense.tensor = {dense.bytes.data(), dtype, {out, in}};
  return dense;
}

// Weights as models have them: normal, with a few inputs and single values far out.
std::vector<float> random_weights(std::int64_t out, std::int64_t in, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.02F);
  std::vector<float> values(static_cast<std::size_t>(out * in));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = normal(random);
    if (static_cast<std::int64_t>(i) % in % 61 == 7) values[i] *= 20;
    if (random() % 1000 == 0) values[i] *= 50;
  }
  return values;
}

struct Packed {
  std::vector<std::uint8_t> codes;
  std::vector<std::uint16_t> scales;
  PackedMatrix matrix;

  float scale(std::int64_t out, std::int64_t in) const {
    return bf16_to_f32(scales[static_cast<std::size_t>(packed_scale_index(matrix.shape, out, in))]);
  }
  int step(std::int64_t out, std::int64_t in) const {
    return packed_code(matrix, out, in) - weight_zero(matrix.shape.format);
  }
};

Packed packed_of(const WeightTensor& dense, WeightFormat format, std::int64_t group_size,
                 int num_threads = 1, QuantizationSums* sums = nullptr) {
  Packed packed;
  const PackedShape shape{format, dense.shape[0], dense.shape[1], group_size};
  packed.codes.assign(static_cast<std::size_t>(shape.code_bytes()), 0xee);
  packed.scales.assign(static_cast<std::size_t>(shape.num_scales()), 0xeeee);
  packed.matrix = {shape, packed.codes.data(), packed.scales.data()};
  const auto made =
      quantize_matrix(dense, "m", {shape, packed.codes.data(), packed.scales.data()}, num_threads);
  EXPECT_TRUE(made) << made.error().message;
  if (sums != nullptr && made) *sums = *made;
  return packed;
}

struct Case {
  DType dtype;
  std::int64_t out, in, group_size;
};
// Makes ctest print words instead of bytes.
void PrintTo(const Case& test, std::ostream* out) {
  *out << dtype_name(test.dtype) << '_' << test.out << 'x' << test.in << '_' << test.group_size;
}

class Quantize : public ::testing::TestWithParam<Case> {
 protected:
  Dense dense() const {
    const Case& test = GetParam();
    return dense_of(random_weights(test.out, test.in, 7), test.out, test.in, test.dtype);
  }
  // The weight of largest magnitude of the group that holds an element; the first of equals.
  static float peak(const WeightTensor& tensor, const PackedShape& shape, std::int64_t out,
                    std::int64_t in) {
    const std::int64_t first = in / shape.group_size * shape.group_size;
    float largest = 0;  // with its sign
    for (std::int64_t k = first; k < std::min(first + shape.group_size, shape.in_features); ++k) {
      const float value = element(tensor, out * shape.in_features + k);
      if (std::abs(value) > std::abs(largest)) largest = value;
    }
    return largest;
  }
};

// Every weight within half a step; every scale the least bfloat16 that is at least peak / 127.
TEST_P(Quantize, Int8IsWithinHalfAStep) {
  const Dense made = dense();
  QuantizationSums sums;
  const Packed packed =
      packed_of(made.tensor, WeightFormat::kInt8, GetParam().group_size, 1, &sums);
  double error = 0;
  double weight = 0;
  for (std::int64_t out = 0; out < GetParam().out; ++out) {
    for (std::int64_t in = 0; in < GetParam().in; ++in) {
      const double value = element(made.tensor, out * GetParam().in + in);
      const double scale = packed.scale(out, in);
      const int step = packed.step(out, in);
      ASSERT_LE(std::abs(step), 127);
      // The quotient is rounded to float before it is rounded to an integer: 127 * 2^-24.
      ASSERT_LE(std::abs(value - scale * step), scale * (0.5 + 127 * 0x1p-24)) << out << " " << in;
      const double exact =
          std::abs(static_cast<double>(peak(made.tensor, packed.matrix.shape, out, in))) / 127;
      ASSERT_GE(scale, exact * (1 - 0x1p-24));
      ASSERT_LE(scale, exact * (1 + 0x1p-7));
      error += (value - scale * step) * (value - scale * step);
      weight += value * value;
    }
  }
  EXPECT_NEAR(sums.error, error, error * 1e-4);
  EXPECT_NEAR(sums.weight, weight, weight * 1e-4);
}

// Weights that no code limits are within half a step; others are no farther than the least scale
// that was tried, peak / -9, leaves them: one and a half.
TEST_P(Quantize, Int4IsWithinHalfAStepWhereNothingIsCutOff) {
  const Dense made = dense();
  const Packed packed = packed_of(made.tensor, WeightFormat::kInt4, GetParam().group_size);
  for (std::int64_t out = 0; out < GetParam().out; ++out) {
    for (std::int64_t in = 0; in < GetParam().in; ++in) {
      const double value = element(made.tensor, out * GetParam().in + in);
      const double scale = packed.scale(out, in);
      const int step = packed.step(out, in);
      const double steps = value / scale;
      const double bound = steps < -8.5 || steps > 7.5 ? 2.05 : 0.5 + 9 * 0x1p-23;
      ASSERT_LE(std::abs(value - scale * step), std::abs(scale) * bound) << out << " " << in;
    }
  }
}

// Against the plain scale that the search begins with: the weight of largest magnitude over -8.
TEST_P(Quantize, Int4SearchIsNoWorseThanItsFirstScale) {
  const Dense made = dense();
  QuantizationSums sums;
  const Packed packed =
      packed_of(made.tensor, WeightFormat::kInt4, GetParam().group_size, 1, &sums);
  double plain = 0;
  for (std::int64_t out = 0; out < GetParam().out; ++out) {
    for (std::int64_t in = 0; in < GetParam().in; ++in) {
      const float value = element(made.tensor, out * GetParam().in + in);
      const float scale =
          bf16_to_f32(f32_to_bf16(peak(made.tensor, packed.matrix.shape, out, in) / -8.0F));
      const double miss = value - scale * std::clamp(std::nearbyint(value / scale), -8.0F, 7.0F);
      plain += miss * miss;
    }
  }
  // Sums of floats, in another order.
  EXPECT_LE(sums.error, plain * (1 + 1e-4) + 1e-12);
  EXPECT_TRUE(plain < 1e-6 || sums.error < 0.99 * plain);
}

TEST_P(Quantize, PaddingIsZero) {
  const Dense made = dense();
  for (const WeightFormat format : {WeightFormat::kInt8, WeightFormat::kInt4}) {
    const Packed packed = packed_of(made.tensor, format, GetParam().group_size);
    const PackedShape& shape = packed.matrix.shape;
    for (std::int64_t out = 0; out < shape.panels() * kPanelFeatures; ++out) {
      for (std::int64_t in = 0; in < shape.groups() * shape.group_size; ++in) {
        if (out < shape.out_features && in < shape.in_features) continue;
        ASSERT_EQ(packed.step(out, in), 0);
        ASSERT_TRUE(out < shape.out_features || packed.scale(out, in) == 0);
      }
    }
  }
}

TEST_P(Quantize, IsTheSameForEveryNumberOfThreads) {
  const Dense made = dense();
  for (const WeightFormat format : {WeightFormat::kInt8, WeightFormat::kInt4}) {
    QuantizationSums sums;
    const Packed one = packed_of(made.tensor, format, GetParam().group_size, 1, &sums);
    for (const int threads : {2, 3, 7}) {
      QuantizationSums again;
      const Packed many = packed_of(made.tensor, format, GetParam().group_size, threads, &again);
      EXPECT_EQ(one.codes, many.codes);
      EXPECT_EQ(one.scales, many.scales);
      EXPECT_EQ(sums.error, again.error);
      EXPECT_EQ(sums.weight, again.weight);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Quantize,
                         ::testing::Values(Case{DType::kBF16, 64, 256, 128},
                                           Case{DType::kBF16, 37, 200, 32},
                                           Case{DType::kF16, 129, 64, 64},
                                           Case{DType::kF32, 1, 1, 32},
                                           Case{DType::kF32, 200, 391, 128}));

// The same bytes on every machine: a change of these numbers is a change of the format's meaning.
TEST(QuantizeBits, AreThoseOfEveryMachine) {
  std::vector<float> values(48 * 160);
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(static_cast<std::int32_t>(state) >> 12) * 0x1p-24F;
  }
  const Dense dense = dense_of(values, 48, 160, DType::kBF16);
  const auto hash = [&](WeightFormat format, std::int64_t group_size) {
    const Packed packed = packed_of(dense.tensor, format, group_size);
    std::uint64_t sum = 0xcbf29ce484222325U;
    for (const std::uint8_t byte : packed.codes) sum = (sum ^ byte) * 0x100000001b3U;
    for (const std::uint16_t bits : packed.scales) sum = (sum ^ bits) * 0x100000001b3U;
    return sum;
  };
  EXPECT_EQ(hash(WeightFormat::kInt8, 128), 3782098963097082768U);
  EXPECT_EQ(hash(WeightFormat::kInt4, 32), 5987481320267363060U);
}

TEST(QuantizeValues, TiesGoToTheEvenCode) {
  std::vector<float> values(32, 0.0F);
  values[0] = 127;
  values[1] = 0.5F;
  values[2] = 1.5F;
  values[3] = -2.5F;
  values[4] = -0.5F;
  const Dense dense = dense_of(values, 1, 32, DType::kF32);
  const Packed packed = packed_of(dense.tensor, WeightFormat::kInt8, 32);
  EXPECT_EQ(packed.scale(0, 0), 1);
  EXPECT_EQ(packed.step(0, 0), 127);
  EXPECT_EQ(packed.step(0, 1), 0);
  EXPECT_EQ(packed.step(0, 2), 2);
  EXPECT_EQ(packed.step(0, 3), -2);
  EXPECT_EQ(packed.step(0, 4), 0);
}

TEST(QuantizeValues, WhatInt4CanHoldIsExact) {
  std::vector<float> values(32);
  for (std::size_t i = 0; i < 32; ++i)
    values[i] = 0.25F * static_cast<float>(7 - static_cast<int>(i % 16));
  const Dense dense = dense_of(values, 1, 32, DType::kF32);
  const Packed packed = packed_of(dense.tensor, WeightFormat::kInt4, 32);
  for (std::int64_t k = 0; k < 32; ++k) {
    EXPECT_EQ(packed.scale(0, k) * static_cast<float>(packed.step(0, k)),
              values[static_cast<std::size_t>(k)]);
  }
}

TEST(QuantizeValues, ZerosAndTheSmallestAndLargestNumbers) {
  for (const float value : {0.0F, -0.0F, std::numeric_limits<float>::denorm_min(), 1e-39F, 3e38F,
                            std::numeric_limits<float>::max()}) {
    const Dense dense = dense_of(std::vector<float>(64, value), 2, 32, DType::kF32);
    for (const WeightFormat format : {WeightFormat::kInt8, WeightFormat::kInt4}) {
      const Packed packed = packed_of(dense.tensor, format, 32);
      const double made = static_cast<double>(packed.scale(0, 0)) * packed.step(0, 0);
      EXPECT_TRUE(std::isfinite(packed.scale(0, 0)));
      EXPECT_NEAR(made, value, std::abs(value) * 0.07 + 1e-39) << value;
      EXPECT_TRUE(value != 0 || packed.scales[0] == 0);
    }
  }
}

TEST(QuantizeValues, NamesTheFirstElementThatIsNotFinite) {
  std::vector<float> values(32 * 40, 1.0F);
  values[700] = std::numeric_limits<float>::infinity();
  values[37] = -std::numeric_limits<float>::infinity();
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const Dense dense = dense_of(values, 40, 32, dtype);
    for (const WeightFormat format : {WeightFormat::kInt8, WeightFormat::kInt4}) {
      PackedShape shape{format, 40, 32, 32};
      std::vector<std::uint8_t> codes(static_cast<std::size_t>(shape.code_bytes()));
      std::vector<std::uint16_t> scales(static_cast<std::size_t>(shape.num_scales()));
      const auto made =
          quantize_matrix(dense.tensor, "f: tensor \"t\"", {shape, codes.data(), scales.data()}, 3);
      ASSERT_FALSE(made);
      EXPECT_EQ(made.error().code, ErrorCode::kNumeric);
      EXPECT_EQ(made.error().message,
                "f: tensor \"t\": element 37 is -inf; only finite weights can be quantized");
    }
  }
}

TEST(FirstNotFinite, OfEveryType) {
  std::vector<float> values(10'000, 1.0F);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    EXPECT_FALSE(first_not_finite(dense_of(values, 100, 100, dtype).tensor));
  }
  EXPECT_FALSE(first_not_finite(dense_of(values, 100, 100, DType::kF16).tensor));
  values[9'998] = std::numeric_limits<float>::quiet_NaN();
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    EXPECT_EQ(first_not_finite(dense_of(values, 100, 100, dtype).tensor), 9'998);
  }
  std::vector<std::uint16_t> halves(5000, 0x7bff);  // the largest
  halves[4097] = 0x7c00;
  EXPECT_EQ(first_not_finite({halves.data(), DType::kF16, {5000}}), 4097);
}

}  // namespace
}  // namespace parapet
