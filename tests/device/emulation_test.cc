// The intrinsics that the emulation of AVX-512 adds to SIMDe, against their documented operation.
#include <cmath>
#include <limits>
#include <vector>

#include "base/half.h"
#include "device/cpu/cpu_features.h"
#include "device/emulation/intrinsics.h"
#include "gtest/gtest.h"

namespace parapet::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::int32_t kSmallestInt = std::numeric_limits<std::int32_t>::min();

class Emulation : public testing::Test {
 protected:
  void SetUp() override {
    if (!cpu::choose_kernels("avx2").ok()) GTEST_SKIP() << "the emulation is compiled for AVX2";
  }
  const EmulatedIntrinsics& intrinsics_ = kEmulatedIntrinsics;
};

TEST_F(Emulation, WidensAndNarrowsIntegers) {
  std::int8_t bytes[16];
  std::uint16_t words[16];
  std::int32_t wide[16];
  for (int i = 0; i < 16; ++i) {
    bytes[i] = static_cast<std::int8_t>(17 * i - 128);
    words[i] = static_cast<std::uint16_t>(4369 * i);
  }
  intrinsics_.cvtepi8_epi32(bytes, wide);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(wide[i], 17 * i - 128);
  intrinsics_.cvtepu16_epi32(words, wide);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(wide[i], 4369 * i);

  for (int i = 0; i < 16; ++i) wide[i] = 0x12345678 + 0x01010183 * i;
  std::int16_t low_words[16];
  std::int8_t low_bytes[16];
  intrinsics_.cvtepi32_epi16(wide, low_words);
  intrinsics_.cvtepi32_epi8(wide, low_bytes);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(static_cast<std::uint16_t>(low_words[i]), wide[i] & 0xffff);
    EXPECT_EQ(static_cast<std::uint8_t>(low_bytes[i]), wide[i] & 0xff);
  }
}

TEST_F(Emulation, ConvertsBetweenIntegersAndFloats) {
  const std::int32_t integers[16] = {
      0,          1, -1, 16777217, 16777219, -16777217, 2, -2, 2147483647, kSmallestInt,
      1000000007, 5, -5, 6,        7,        8};
  float floats[16];
  intrinsics_.cvtepi32_ps(integers, floats);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(floats[i], static_cast<float>(integers[i]));

  const float from[16] = {0.5F,  1.5F,   2.5F,      -0.5F,      -1.5F, -2.5F,  3.49F,   -3.51F,
                          1e10F, -1e10F, kInfinity, -kInfinity, NAN,   127.0F, -127.0F, 8388609.0F};
  const std::int32_t expected[16] = {0,
                                     2,
                                     2,
                                     0,
                                     -2,
                                     -2,
                                     3,
                                     -4,
                                     kSmallestInt,
                                     kSmallestInt,
                                     kSmallestInt,
                                     kSmallestInt,
                                     kSmallestInt,
                                     127,
                                     -127,
                                     8388609};
  std::int32_t rounded[16];
  intrinsics_.cvtps_epi32(from, rounded);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(rounded[i], expected[i]) << from[i];
}

TEST_F(Emulation, WidensHalves) {
  const std::uint16_t bits[16] = {0x0000, 0x8000, 0x3c00, 0xbc00, 0x3c01, 0x7bff, 0xfbff, 0x0001,
                                  0x83ff, 0x0400, 0x7c00, 0xfc00, 0x3555, 0x5640, 0x7e00, 0xc900};
  const float expected[16] = {0.0F,        -0.0F,    1.0F,        -1.0F,    0x1.004p0F, 65504.0F,
                              -65504.0F,   0x1p-24F, -0x3ffp-24F, 0x1p-14F, kInfinity,  -kInfinity,
                              0x1.554p-2F, 100.0F,   NAN,         -10.0F};
  float floats[16];
  intrinsics_.cvtph_ps(bits, floats);
  for (int i = 0; i < 16; ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(floats[i]));
    } else {
      EXPECT_EQ(floats[i], expected[i]) << i;
      EXPECT_EQ(std::signbit(floats[i]), std::signbit(expected[i]));
    }
  }
}

TEST_F(Emulation, MovesLanes) {
  float floats[16];
  std::int32_t integers[16];
  for (int i = 0; i < 16; ++i) {
    floats[i] = static_cast<float>(i);
    integers[i] = i;
  }
  float lower[8];
  float upper[8];
  intrinsics_.extractf32x8_ps(floats, lower, upper);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(lower[i], floats[i]);
    EXPECT_EQ(upper[i], floats[i + 8]);
  }
  std::int32_t shuffled[16];
  intrinsics_.shuffle_epi32(integers, shuffled);
  const int order[4] = {0, 2, 1, 3};
  for (int i = 0; i < 16; ++i) EXPECT_EQ(shuffled[i], i / 4 * 4 + order[i % 4]);
}

// Memory of exactly the lanes that a mask names: a sanitizer sees a read or write beyond it.
TEST_F(Emulation, MasksKeepToTheirLanes) {
  for (std::size_t count = 1; count <= 16; ++count) {
    const std::vector<float> from(count, 3.0F);
    const unsigned mask = (1U << count) - 1U;
    float to[16];
    intrinsics_.maskz_loadu_ps(mask, from.data(), to);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(to[i], i < count ? 3.0F : 0.0F);
    float guarded[17];
    for (float& value : guarded) value = 7.0F;
    intrinsics_.mask_storeu_ps(guarded, mask, to);
    for (std::size_t i = 0; i < 17; ++i) EXPECT_EQ(guarded[i], i < count ? 3.0F : 7.0F);
  }
}

TEST_F(Emulation, AddsNeighbouringProducts) {
  std::int16_t a[32];
  std::int16_t b[32];
  for (int i = 0; i < 32; ++i) {
    a[i] = static_cast<std::int16_t>(2000 * i - 32000);
    b[i] = static_cast<std::int16_t>(30000 - 1500 * i);
  }
  std::int32_t sums[16];
  intrinsics_.madd_epi16(a, b, sums);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(sums[i], a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1]);
  }
}

TEST_F(Emulation, ScalesByPowersOfTwo) {
  const float a[16] = {1.0F,  1.0F, 1.5F,      1.5F,      1.75F, 1.0F, NAN,  1.0F,
                       -3.0F, 1.0F, 0x1p-140F, kInfinity, 0.0F,  1.0F, 1.0F, -1.0F};
  const float b[16] = {0.0F,  1.9F,   -149.0F, -150.0F, -2.0F, 128.0F, 1.0F,       NAN,
                       -1.5F, 127.0F, 20.0F,   -5.0F,   9.0F,  1e30F,  -kInfinity, kInfinity};
  const float expected[16] = {1.0F, 2.0F,      0x1p-148F, 0x1p-149F, 0.4375F,   kInfinity,
                              NAN,  NAN,       -0.75F,    0x1p127F,  0x1p-120F, kInfinity,
                              0.0F, kInfinity, 0.0F,      -kInfinity};
  float scaled[16];
  intrinsics_.scalef_ps(a, b, scaled);
  for (int i = 0; i < 16; ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(scaled[i])) << i;
    } else {
      EXPECT_EQ(scaled[i], expected[i]) << i;
    }
  }
}

TEST_F(Emulation, ChoosesBitsByATable) {
  std::uint32_t a[16];
  std::uint32_t b[16];
  std::uint32_t c[16];
  for (std::uint32_t i = 0; i < 16; ++i) {
    a[i] = 0x9e3779b9U * i;
    b[i] = 0x85ebca6bU * (i + 3);
    c[i] = 0xc2b2ae35U * (i + 7);
  }
  std::uint32_t chosen[16];
  intrinsics_.ternarylogic_epi32(a, b, c, chosen);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(chosen[i], (a[i] & b[i]) | c[i]);
}

// Even and odd products each in order, then both to the sum; subnormal numbers are zero.
TEST_F(Emulation, TilesAddInTheOrderOfTheManual) {
  const auto bits = [](float value) { return f32_to_bf16(value); };
  std::vector<std::uint16_t> a(std::size_t{3} * 32);
  std::vector<std::uint16_t> b(std::size_t{16} * 16 * 2);
  std::vector<float> sums(std::size_t{3} * 16, 1.0F);
  // Row 0: even products 2^24, 1, -2^24 lose the 1; odd ones are 3.
  a[0] = bits(0x1p24F);
  a[2] = bits(1.0F);
  a[4] = bits(-0x1p24F);
  a[1] = bits(3.0F);
  // Row 1: a subnormal factor, then a product that is one.
  a[32] = 1;
  a[33] = bits(0x1p-100F);
  // Row 2: small products that only their common sum keeps, beside one that is large.
  for (std::size_t k = 0; k < 32; ++k) a[64 + k] = bits(0x1p-24F);
  for (std::size_t k = 0; k < 16; ++k) {
    for (std::size_t n = 0; n < 16; ++n) {
      b[(k * 16 + n) * 2] = bits(1.0F);
      b[(k * 16 + n) * 2 + 1] = bits(k == 0 && n == 15 ? 0x1p-100F : 1.0F);
    }
  }
  intrinsics_.dpbf16ps(a.data(), b.data(), sums.data());
  for (std::size_t n = 0; n < 16; ++n) {
    EXPECT_EQ(sums[n], n == 15 ? 1.0F : 4.0F) << n;
    EXPECT_EQ(sums[16 + n], 1.0F) << n;
    EXPECT_EQ(sums[32 + n], n == 15 ? 1.0F + 0x1.fp-20F : 1.0F + 0x1p-19F) << n;
  }
}

}  // namespace
}  // namespace parapet::test
