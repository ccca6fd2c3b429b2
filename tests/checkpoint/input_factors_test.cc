// Factors that even out columns: what they are, that quantizing with them keeps the product, and
// what they are for.
#include "checkpoint/input_factors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/half.h"
#include "checkpoint/fused_matrices.h"
#include "checkpoint/quantize.h"

namespace parapet {
namespace {

constexpr std::int64_t kOut = 150;  // more than two tasks of rows
constexpr std::int64_t kIn = 96;

// Normal weights, some columns enlarged.
std::vector<float> weights_with(const std::vector<std::pair<std::int64_t, float>>& columns,
                                unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.02F);
  std::vector<float> values(kOut * kIn);
  for (float& value : values) value = normal(random);
  for (const auto& [column, factor] : columns) {
    for (std::int64_t out = 0; out < kOut; ++out) {
      values[static_cast<std::size_t>(out * kIn + column)] *= factor;
    }
  }
  return values;
}

WeightTensor tensor_of(const std::vector<float>& values) {
  return {values.data(), DType::kF32, {kOut, kIn}};
}

double root_mean_square(const std::vector<float>& values, std::int64_t first, std::int64_t step) {
  double sum = 0;
  std::int64_t count = 0;
  for (auto i = first; i < std::ssize(values); i += step, ++count) {
    sum += std::pow(double{values[static_cast<std::size_t>(i)]}, 2);
  }
  return std::sqrt(sum / static_cast<double>(count));
}

std::vector<float> floats(const std::vector<std::uint16_t>& factors) {
  std::vector<float> result;
  for (const std::uint16_t factor : factors) result.push_back(bf16_to_f32(factor));
  return result;
}

TEST(MakeInputFactors, AreRootsOfTheColumnsRelativeSizes) {
  const std::vector<float> values = weights_with({{3, 8.0F}, {77, 0.1F}}, 1);
  const WeightTensor matrix = tensor_of(values);
  const std::vector<float> factors = floats(make_input_factors({&matrix, 1}, 2));
  ASSERT_EQ(std::ssize(factors), kIn);
  for (std::int64_t in = 0; in < kIn; ++in) {
    const double size = root_mean_square(values, in, kIn) / root_mean_square(values, 0, 1);
    EXPECT_NEAR(factors[static_cast<std::size_t>(in)], std::sqrt(size), std::sqrt(size) * 0x1p-8);
  }
}

TEST(MakeInputFactors, TakeTheMatrixWhereAColumnIsLargest) {
  const std::vector<float> one = weights_with({{3, 8.0F}}, 1);
  const std::vector<float> two = weights_with({{50, 8.0F}}, 2);
  const WeightTensor both[] = {tensor_of(one), tensor_of(two)};
  const std::vector<float> factors = floats(make_input_factors(both, 1));
  EXPECT_GT(factors[3], 2.0F);
  EXPECT_GT(factors[50], 2.0F);
  EXPECT_LT(factors[4], 1.2F);
}

TEST(MakeInputFactors, AreTheSameForEveryTypeAndNumberOfThreads) {
  std::vector<float> values = weights_with({{3, 8.0F}}, 1);
  std::vector<std::uint16_t> halves;
  for (float& value : values) {
    halves.push_back(f32_to_bf16(value));
    value = bf16_to_f32(halves.back());
  }
  const WeightTensor matrix = tensor_of(values);
  const WeightTensor narrow = {halves.data(), DType::kBF16, {kOut, kIn}};
  const auto factors = make_input_factors({&matrix, 1}, 1);
  for (const int threads : {1, 2, 7}) {
    EXPECT_EQ(make_input_factors({&matrix, 1}, threads), factors);
    EXPECT_EQ(make_input_factors({&narrow, 1}, threads), factors);
  }
}

TEST(MakeInputFactors, StayWithinBoundsWhateverTheWeights) {
  std::vector<float> values = weights_with({{0, 0.0F}, {1, 1e12F}}, 1);
  values[2] = std::numeric_limits<float>::quiet_NaN();
  values[kIn + 3] = std::numeric_limits<float>::infinity();
  const WeightTensor matrix = tensor_of(values);
  const std::vector<float> factors = floats(make_input_factors({&matrix, 1}, 1));
  EXPECT_EQ(factors[0], 1.0F);
  EXPECT_EQ(factors[1], 3.125F) << "the root of the root of 96: it is nearly all of the matrix";
  EXPECT_EQ(factors[2], 1.0F);
  EXPECT_EQ(factors[3], 1.0F);
  EXPECT_EQ(factors[4], 0.125F);
  const std::vector<float> zeros(kOut * kIn);
  const WeightTensor empty = tensor_of(zeros);
  for (const float factor : floats(make_input_factors({&empty, 1}, 1))) EXPECT_EQ(factor, 1.0F);
}

// Relative error of x W^T, x normal, where weights and inputs are quantized in one group a row.
double product_error(const std::vector<float>& values, bool with_factors) {
  const WeightTensor dense = tensor_of(values);
  const PackedShape shape{WeightFormat::kInt8, kOut, kIn, 128, with_factors};
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(shape.code_bytes()));
  std::vector<std::uint16_t> scales(static_cast<std::size_t>(shape.num_scales()));
  std::vector<std::uint16_t> factors(kIn, f32_to_bf16(1.0F));
  if (with_factors) factors = make_input_factors({&dense, 1}, 1);
  const PackedBuffer buffer{shape, codes.data(), scales.data(), factors.data()};
  EXPECT_TRUE(quantize_matrix(dense, "m", buffer, 1));
  const PackedMatrix packed = buffer.matrix();
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  double error = 0;
  double whole = 0;
  for (int row = 0; row < 20; ++row) {
    std::vector<double> x(kIn);
    std::vector<double> steps(kIn);
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = normal(random);
      steps[i] = x[i] * double{bf16_to_f32(factors[i])};
      largest = std::max(largest, std::abs(steps[i]));
    }
    for (double& step : steps) step = std::nearbyint(step * 127 / largest) * largest / 127;
    for (std::int64_t out = 0; out < kOut; ++out) {
      double exact = 0;
      double found = 0;
      for (std::int64_t i = 0; i < kIn; ++i) {
        const auto at = static_cast<std::size_t>(i);
        exact += x[at] * double{values[static_cast<std::size_t>(out * kIn + i)]};
        found += steps[at] * (packed_code(packed, out, i) - 128) *
                 double{bf16_to_f32(
                     scales[static_cast<std::size_t>(packed_scale_index(shape, out, i))])};
      }
      error += (found - exact) * (found - exact);
      whole += exact * exact;
    }
  }
  return std::sqrt(error / whole);
}

TEST(QuantizeWithInputFactors, MakesProductsOfUnevenColumnsTwiceAsGood) {
  const std::vector<float> uneven = weights_with({{3, 30.0F}}, 1);
  EXPECT_LT(product_error(uneven, true), 0.5 * product_error(uneven, false));
  const std::vector<float> even = weights_with({}, 1);
  EXPECT_NEAR(product_error(even, true), product_error(even, false),
              0.1 * product_error(even, false));
}

TEST(FusedMatrices, AreThoseThatShareTheirInput) {
  using Names = std::vector<std::string>;
  const Names qkv = {"l.self_attn.q_proj.weight", "l.self_attn.k_proj.weight",
                     "l.self_attn.v_proj.weight"};
  for (const std::string& name : qkv) EXPECT_EQ(fused_matrices(name), qkv);
  const Names gate_up = {"l.mlp.gate_proj.weight", "l.mlp.up_proj.weight"};
  for (const std::string& name : gate_up) EXPECT_EQ(fused_matrices(name), gate_up);
  for (const char* const name : {"l.self_attn.o_proj.weight", "l.mlp.down_proj.weight"}) {
    EXPECT_EQ(fused_matrices(name), Names{name});
  }
}

}  // namespace
}  // namespace parapet
