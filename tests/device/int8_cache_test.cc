// KV caches of int8: what they keep of a row, and attention over it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "device/backends.h"
#include "device/host/quantize_row.h"
#include "device/ops.h"
#include "device/reference/reference_device.h"
#include "device/test_tensor.h"
#include "device/tolerances.h"

namespace parapet::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float largest(std::span<const float> row) {
  float result = 0.0F;
  for (const float x : row) result = std::max(result, std::abs(x));
  return result;
}

// What a finite row of normal size reads as, by the definition.
void round_row(std::span<float> row) {
  const float scale = largest(row) / 127.0F;
  for (float& x : row) x = std::nearbyint(x / scale) * scale;
}

TEST(QuantizeRow, IsOffByHalfAStepAtMost) {
  for (const float spread : {1e-30F, 0.01F, 1.0F, 1e30F}) {
    const Floats row = Floats::random(1, 1000, 1, spread);
    std::int8_t q[1000];
    const float scale = quantize_row(row.row(0), 1000, q, 1);
    EXPECT_EQ(scale, largest(row.values) / 127.0F);
    for (int i = 0; i < 1000; ++i) {
      ASSERT_GE(q[i], -127);
      // The quotient, up to 127, is rounded to a float before it is to an integer.
      const double half = 0.5 + 127 * kUnitRoundoff;
      ASSERT_LE(std::abs(double{row.at(0, i)} - double{scale} * q[i]), half * double{scale}) << i;
    }
  }
}

TEST(QuantizeRow, RoundsTiesToEvenAndKeepsTheExtremes) {
  const float row[] = {127.0F, -127.0F, 0.5F, 1.5F, -2.5F, -3.5F, 0.49F, -0.0F};
  std::int8_t q[std::size(row)];
  EXPECT_EQ(quantize_row(row, std::ssize(row), q, 1), 1.0F);
  const int expected[] = {127, -127, 0, 2, -2, -4, 0, 0};
  for (std::size_t i = 0; i < std::size(row); ++i) EXPECT_EQ(q[i], expected[i]) << row[i];
}

TEST(QuantizeRow, StrideLeavesTheOthersAlone) {
  const float row[] = {1.0F, -1.0F};
  std::int8_t q[] = {5, 5, 5, 5, 5, 5};
  quantize_row(row, 2, q, 3);
  const std::int8_t expected[] = {127, 5, 5, -127, 5, 5};
  EXPECT_TRUE(std::ranges::equal(q, expected));
}

TEST(QuantizeRow, RowsOfNothing) {
  for (const float tiny : {0.0F, -0.0F, std::numeric_limits<float>::denorm_min(), 1e-36F}) {
    const float row[] = {tiny, 0.0F, -tiny};
    std::int8_t q[] = {5, 5, 5};
    EXPECT_EQ(quantize_row(row, 3, q, 1), 0.0F) << tiny;
    for (const std::int8_t element : q) EXPECT_EQ(element, 0) << tiny;
  }
}

TEST(QuantizeRow, WhatIsNoNumberPoisonsTheRow) {
  for (const float bad : {NAN, kInfinity, -kInfinity}) {
    for (const std::size_t at : {0U, 1U, 2U}) {
      float row[] = {1.0F, 2.0F, 3.0F};
      row[at] = bad;
      std::int8_t q[] = {5, 5, 5};
      EXPECT_TRUE(std::isnan(quantize_row(row, 3, q, 1))) << bad;
      for (const std::int8_t element : q) EXPECT_EQ(element, 0);
    }
  }
}

// Attention of one sequence over keys and values as they are: without norms, without rotation.
struct PlainAttention {
  HeadShape shape;
  int block_size = 16;

  int features() const { return shape.num_heads * shape.head_dim; }
  int kv_features() const { return shape.num_kv_heads * shape.head_dim; }
  float scale() const { return 1.0F / std::sqrt(static_cast<float>(shape.head_dim)); }

  Floats qkv(int tokens, float spread) const {
    return Floats::random(tokens, features() + 2 * kv_features(), 3, spread);
  }
  // The key of a KV head; of head num_kv_heads + h, the value of h.
  std::span<float> kv_row(Floats& qkv, int token, int head) const {
    return {qkv.row(token) + features() + std::ptrdiff_t{head} * shape.head_dim,
            static_cast<std::size_t>(shape.head_dim)};
  }

  Floats run(Device& device, DType kv_dtype, Floats qkv) const {
    const auto stream = device.create_stream().value();
    const auto cache = device
                           .create_kv_cache({.num_layers = 1,
                                             .num_blocks = 40,
                                             .block_size = block_size,
                                             .num_kv_heads = shape.num_kv_heads,
                                             .head_dim = shape.head_dim,
                                             .dtype = kv_dtype})
                           .value();
    const int tokens = static_cast<int>(qkv.rows);
    Floats angles(tokens, shape.head_dim);
    Floats q(tokens, features());
    Floats out(tokens, features(), 7.0F);
    Ints slots;
    Ints table;
    for (int i = 0; i < 40; ++i) table.values.push_back(39 - i);
    for (int t = 0; t < tokens; ++t) {
      std::fill_n(angles.row(t), shape.head_dim / 2, 1.0F);
      slots.values.push_back((39 - t / block_size) * block_size + t % block_size);
    }
    Ints starts{{0, tokens}};
    Ints contexts{{tokens}};
    const BatchView batch{.token_ids = slots.vector(),
                          .positions = slots.vector(),
                          .slot_mapping = slots.vector(),
                          .query_start = starts.vector(),
                          .context_lens = contexts.vector(),
                          .block_tables = table.matrix(40)};
    device.ops().qk_norm_rope_store_kv(*stream, qkv.view(), shape, {}, {}, angles.view(),
                                       slots.vector(), *cache, 0, q.view());
    device.ops().paged_attention(*stream, q.view(), shape, *cache, 0, batch, scale(), out.view());
    EXPECT_TRUE(stream->synchronize().ok());
    return out;
  }
};

using Int8Cache = BackendTest;

TEST_P(Int8Cache, ReadsAsTheRoundedRows) {
  for (const HeadShape& shape : {HeadShape{4, 4, 6}, HeadShape{6, 2, 20}, HeadShape{4, 2, 128}}) {
    for (const int block_size : {5, 16, 32}) {
      const PlainAttention attention{shape, block_size};
      const Floats qkv = attention.qkv(100, 2.0F);
      Floats rounded = qkv;
      for (int t = 0; t < 100; ++t) {
        for (int h = 0; h < 2 * shape.num_kv_heads; ++h) round_row(attention.kv_row(rounded, t, h));
      }
      const Floats actual = attention.run(device(), DType::kI8, qkv);
      const Floats expected = attention.run(device(), DType::kF32, rounded);
      EXPECT_TRUE(same_bits(actual.row(0), expected.row(0), expected.rows * attention.features()));
    }
  }
}

TEST_P(Int8Cache, MatchesTheReference) {
  const auto reference = create_reference_device();
  const PlainAttention attention{{6, 2, 64}};
  const Floats qkv = attention.qkv(150, 2.0F);
  const Floats actual = attention.run(device(), DType::kI8, qkv);
  const Floats expected = attention.run(*reference, DType::kI8, qkv);
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    ASSERT_NEAR(actual.values[i], expected.values[i], 2 * kAttentionTolerance) << i;
  }
}

// Values are off by half a step. Keys are too, so scores by d = scale * sum|q| * half a step of
// keys, weights by factors within exp(2 d), and all weights together by exp(2 d) - 1.
TEST_P(Int8Cache, IsNearAFloatCache) {
  constexpr int kTokens = 80;
  const PlainAttention attention{{2, 1, 8}};
  Floats qkv = attention.qkv(kTokens, 1.0F);
  const Floats exact = attention.run(device(), DType::kF32, qkv);
  const Floats actual = attention.run(device(), DType::kI8, qkv);
  double key_step = 0.0;
  double value_step = 0.0;
  for (int t = 0; t < kTokens; ++t) {
    key_step = std::max(key_step, largest(attention.kv_row(qkv, t, 0)) / 127.0);
    value_step = std::max(value_step, largest(attention.kv_row(qkv, t, 1)) / 127.0);
    for (int i = 0; i < attention.features(); ++i) {
      const float* const query = qkv.row(t) + i / 8 * 8;
      double queries = 0.0;
      for (int d = 0; d < 8; ++d) queries += std::abs(query[d]);
      const double score_error = t == 0 ? 0.0 : attention.scale() * queries * key_step / 2;
      const double bound = value_step / 2 + std::expm1(2 * score_error) * 127 * value_step;
      ASSERT_LT(bound, 0.05);
      ASSERT_NEAR(actual.at(t, i), exact.at(t, i), bound + kAttentionTolerance) << t;
    }
  }
}

TEST_P(Int8Cache, ZeroRowsReadAsZero) {
  const PlainAttention attention{{2, 1, 8}};
  Floats qkv = attention.qkv(20, 1.0F);
  for (int t = 0; t < 20; ++t) {
    std::ranges::fill(attention.kv_row(qkv, t, 0), 0.0F);
    std::ranges::fill(attention.kv_row(qkv, t, 1), t % 2 == 0 ? 1.0F : 0.0F);
  }
  const Floats out = attention.run(device(), DType::kI8, qkv);
  for (int t = 0; t < 20; ++t) {
    const double ones = t / 2 + 1;  // NOLINT(bugprone-integer-division): a count
    ASSERT_NEAR(out.at(t, 5), ones / (t + 1), kAttentionTolerance) << t;
  }
}

// A key or value that is no number reaches every query that sees it, and no other head.
TEST_P(Int8Cache, WhatIsNoNumberArrives) {
  constexpr int kBad = 3;
  const PlainAttention attention{{4, 2, 8}};
  const Floats clean = attention.qkv(20, 1.0F);
  const Floats expected = attention.run(device(), DType::kI8, clean);
  for (const float bad : {NAN, kInfinity, -kInfinity}) {
    for (const int row : {0, 2}) {  // the key and the value of KV head 0, so of query heads 0 and 1
      Floats qkv = clean;
      attention.kv_row(qkv, kBad, row)[5] = bad;
      const Floats out = attention.run(device(), DType::kI8, qkv);
      for (int t = 0; t < 20; ++t) {
        for (int i = 0; i < attention.features(); ++i) {
          if (t >= kBad && i < 2 * 8) {
            ASSERT_TRUE(std::isnan(out.at(t, i))) << "token " << t << ", element " << i;
          } else {
            ASSERT_EQ(out.at(t, i), expected.at(t, i)) << "token " << t << ", element " << i;
          }
        }
      }
    }
  }
}

TEST(Int8CacheSpec, CountsTheScales) {
  KvCacheSpec spec{.num_layers = 3, .num_kv_heads = 2, .head_dim = 64, .dtype = DType::kI8};
  EXPECT_EQ(spec.bytes_per_token(), 2U * 3 * 2 * (64 + 4));
  spec.dtype = DType::kBF16;
  EXPECT_EQ(spec.bytes_per_token(), 2U * 3 * 2 * 64 * 2);
}

INSTANTIATE_TEST_SUITE_P(Backends, Int8Cache, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace parapet::test
