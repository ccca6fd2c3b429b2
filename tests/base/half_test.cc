#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace parapet {
namespace {

// The value of an IEEE 754 number with this many exponent and mantissa bits, by its definition.
double value_of(std::uint32_t bits, int exponent_bits, int mantissa_bits) {
  const std::uint32_t mantissa = bits & ((1U << mantissa_bits) - 1);
  const std::uint32_t exponent = (bits >> mantissa_bits) & ((1U << exponent_bits) - 1);
  const double sign = (bits >> (exponent_bits + mantissa_bits)) != 0 ? -1 : 1;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  if (exponent == (1U << exponent_bits) - 1) {
    if (mantissa != 0) return std::numeric_limits<double>::quiet_NaN();
    return sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(mantissa + (1U << mantissa_bits),
                           static_cast<int>(exponent) - bias - mantissa_bits);
}

// Equal as numbers, of one sign (zeros too), or both NaN.
void expect_same(float actual, double expected, std::uint32_t bits) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << std::hex << bits;
    return;
  }
  EXPECT_EQ(static_cast<double>(actual), expected) << std::hex << bits;
  EXPECT_EQ(std::signbit(actual), std::signbit(expected)) << std::hex << bits;
}

TEST(Half, EveryPatternHasItsValue) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    expect_same(f16_to_f32(static_cast<std::uint16_t>(bits)), value_of(bits, 5, 10), bits);
  }
}

TEST(Bfloat16, EveryPatternHasItsValueAndComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const float value = bf16_to_f32(pattern);
    expect_same(value, value_of(bits, 8, 7), bits);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(value)))) << std::hex << bits;
    } else {
      EXPECT_EQ(f32_to_bf16(value), pattern);
    }
  }
}

// Between each bfloat16 and the next: just under the tie, the tie, just above it.
TEST(Bfloat16, RoundsToNearestAndTiesToEven) {
  for (std::uint32_t high = 0; high < 0x7f80; ++high) {
    for (const std::uint32_t sign : {0U, 0x8000U}) {
      const auto round = [&](std::uint32_t low) {
        return f32_to_bf16(std::bit_cast<float>(((high | sign) << 16) | low));
      };
      const std::uint32_t down = high | sign;
      const std::uint32_t up = down + 1;  // from the largest number that is infinity, as IEEE says
      EXPECT_EQ(round(0x0001), down);
      EXPECT_EQ(round(0x7fff), down);
      EXPECT_EQ(round(0x8000), (high & 1) == 0 ? down : up);
      EXPECT_EQ(round(0x8001), up);
      EXPECT_EQ(round(0xffff), up);
    }
  }
}

TEST(Bfloat16, KeepsEveryNaN) {
  for (const std::uint32_t mantissa : {1U, 0xffffU, 0x10000U, 0x7fffffU, 0x400000U, 0x3fffffU}) {
    for (const std::uint32_t sign : {0U, 0x80000000U}) {
      const std::uint16_t bits = f32_to_bf16(std::bit_cast<float>(sign | 0x7f800000U | mantissa));
      EXPECT_TRUE(std::isnan(bf16_to_f32(bits))) << std::hex << mantissa;
      EXPECT_EQ(bits >> 15, sign >> 31);
    }
  }
}

}  // namespace
}  // namespace parapet
