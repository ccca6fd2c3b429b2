// The kernels' own functions, on every instruction set that runs here or is emulated.
#include <cmath>
#include <limits>
#include <vector>

#include "device/tested_kernels.h"
#include "device/tolerances.h"
#include "gtest/gtest.h"

namespace parapet::test {
namespace {

class Kernels : public testing::TestWithParam<const cpu::KernelTable*> {
 protected:
  float exp(float x) {
    float result = NAN;
    GetParam()->exp(&x, 1, &result);
    return result;
  }
};

// All exponents, a sample of mantissas.
TEST_P(Kernels, ExpIsWithinTwoUnits) {
  std::vector<float> x;
  for (float value = -87.3F; value < 88.7F; value += 0.00137F) x.push_back(value);
  for (float value = 1e-30F; value < 80.0F; value *= 1.37F) {
    x.push_back(value);
    x.push_back(-value);
  }
  std::vector<float> result(x.size());
  GetParam()->exp(x.data(), static_cast<std::int64_t>(x.size()), result.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(double{x[i]});
    ASSERT_NEAR(result[i], expected, kExpTolerance * expected) << x[i];
  }
}

TEST_P(Kernels, ExpOfExtremes) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(exp(0.0F), 1.0F);
  EXPECT_EQ(exp(-kInfinity), 0.0F);
  EXPECT_EQ(exp(-1e30F), 0.0F);
  EXPECT_EQ(exp(-105.0F), 0.0F);
  EXPECT_EQ(exp(kInfinity), kInfinity);
  EXPECT_EQ(exp(1e30F), kInfinity);
  EXPECT_EQ(exp(88.8F), kInfinity);
  EXPECT_TRUE(std::isnan(exp(NAN)));
  // Below the smallest normal float the result keeps the bits that are left.
  constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
  EXPECT_NEAR(exp(-100.0F), std::exp(-100.0), 1.01 * double{kSmallest});
  EXPECT_NEAR(exp(-90.0F), std::exp(-90.0), 1.01 * double{kSmallest});
}

TEST_P(Kernels, SiluMulOfExtremes) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float gate[] = {0.0F, 200.0F, -200.0F, kInfinity, NAN, 1.0F};
  const float up[] = {3.0F, 2.0F, 2.0F, 2.0F, 2.0F, NAN};
  float out[6];
  GetParam()->silu_mul(gate, up, 6, out);
  EXPECT_EQ(out[0], 0.0F);
  EXPECT_EQ(out[1], 400.0F);
  EXPECT_EQ(out[2], 0.0F);
  EXPECT_EQ(out[3], kInfinity);
  EXPECT_TRUE(std::isnan(out[4]));
  EXPECT_TRUE(std::isnan(out[5]));
}

TEST_P(Kernels, RowFunctionsStayInTheirRows) {
  for (std::int64_t count = 0; count <= 40; ++count) {
    const auto size = static_cast<std::size_t>(count);
    const std::vector<float> ones(size + 1, 1.0F);
    std::vector<float> out(size + 1, 7.0F);
    GetParam()->exp(ones.data(), count, out.data());
    GetParam()->scale(ones.data(), 2.0F, ones.data(), count, out.data());
    GetParam()->silu_mul(ones.data(), ones.data(), count, out.data());
    EXPECT_EQ(out[size], 7.0F) << count;
  }
}

TEST_P(Kernels, DequantizeIsOneMultiplication) {
  std::vector<std::int8_t> q;
  for (int i = -127; i <= 127; ++i) q.push_back(static_cast<std::int8_t>(i));
  float scales[cpu::kPanelKeys];
  for (int i = 0; i < cpu::kPanelKeys; ++i) scales[i] = 0.1F * static_cast<float>(i + 1);
  for (std::size_t begin = 0; begin < 3; ++begin) {
    for (std::size_t count = 0; begin + count <= q.size(); ++count) {
      std::vector<float> out(count + 1, 7.0F);
      GetParam()->dequantize(q.data() + begin, scales, static_cast<std::int64_t>(count),
                             out.data());
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(out[i], static_cast<float>(q[begin + i]) * scales[i % cpu::kPanelKeys]);
      }
      ASSERT_EQ(out[count], 7.0F) << count;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, Kernels, testing::ValuesIn(tested_kernels()),
                         [](const auto& test) { return std::string(test.param->isa); });

}  // namespace
}  // namespace parapet::test
