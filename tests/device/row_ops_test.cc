// The ops that work on rows alone: lookups, angles, maxima and log-probabilities.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "device/backends.h"
#include "device/ops.h"
#include "device/test_tensor.h"
#include "device/tolerances.h"

namespace parapet::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Nothing, and all lengths around one and two vectors of every instruction set; a vocabulary.
constexpr std::int64_t kLengths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 1000, 151936};

class RowOps : public BackendTest {
 protected:
  void embed(Ints& ids, const TensorView& table, Floats& hidden) {
    const auto weight = device().load_linear({&table, 1}).value();
    ops().embed(stream(), ids.vector(), *weight, hidden.view());
    synchronize();
  }
};

TEST_P(RowOps, EmbedLooksUpExactly) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const std::int64_t features : {1, 5, 16, 37}) {
      TestTensor table(dtype, 11, features, 1);
      Ints ids{{10, 0, 3, 3}};
      Floats hidden(4, features, NAN);
      embed(ids, table.matrix(), hidden);
      for (std::int64_t t = 0; t < 4; ++t) {
        for (std::int64_t i = 0; i < features; ++i) {
          ASSERT_EQ(hidden.at(t, i), table.at(ids.values[static_cast<std::size_t>(t)], i));
        }
      }
    }
  }
}

// Every half there is, NaN apart, as each backend converts it.
TEST_P(RowOps, EmbedConvertsEveryHalf) {
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    std::vector<std::uint16_t> bits(1 << 16);
    std::iota(bits.begin(), bits.end(), static_cast<std::uint16_t>(0));
    Ints ids{{0}};
    Floats hidden(1, 1 << 16);
    embed(ids, {bits.data(), dtype, {1, 1 << 16}}, hidden);
    for (std::size_t i = 0; i < bits.size(); ++i) {
      const float expected = dtype == DType::kBF16 ? bf16_to_f32(bits[i]) : f16_to_f32(bits[i]);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(hidden.values[i])) << i;
      } else {
        ASSERT_TRUE(same_bits(&hidden.values[i], &expected, 1)) << i;
      }
    }
  }
}

TEST_P(RowOps, RopeAngles) {
  for (const std::int64_t half : {1, 3, 8, 64}) {
    Floats inv_freq(1, half);
    for (std::int64_t i = 0; i < half; ++i) {
      inv_freq.row(0)[i] =
          static_cast<float>(std::pow(1e6, -static_cast<double>(i) / static_cast<double>(half)));
    }
    Ints positions{{0, 1, 17, 4095, 32767, 40959, 1'000'003}};
    const auto tokens = static_cast<std::int64_t>(positions.values.size());
    Floats cos_sin(tokens, 2 * half, NAN);
    ops().rope_angles(stream(), positions.vector(), {inv_freq.row(0), DType::kF32, {half}},
                      cos_sin.view());
    synchronize();
    for (std::int64_t t = 0; t < tokens; ++t) {
      for (std::int64_t i = 0; i < half; ++i) {
        const auto position = static_cast<float>(positions.values[static_cast<std::size_t>(t)]);
        const double angle = position * inv_freq.row(0)[i];  // rounded to float, as published
        ASSERT_NEAR(cos_sin.at(t, i), std::cos(angle), kAngleTolerance);
        ASSERT_NEAR(cos_sin.at(t, half + i), std::sin(angle), kAngleTolerance);
      }
    }
  }
}

TEST_P(RowOps, GatherRows) {
  Floats x = Floats::random(6, 9, 1);
  Ints rows{{5, 0, 5}};
  Floats out(3, 9, NAN);
  ops().gather_rows(stream(), x.view(), rows.vector(), out.view());
  synchronize();
  for (std::int64_t r = 0; r < 3; ++r) {
    EXPECT_TRUE(same_bits(out.row(r), x.row(rows.values[static_cast<std::size_t>(r)]), 9));
  }
}

TEST_P(RowOps, ArgmaxIsTheFirstMaximum) {
  for (const std::int64_t length : kLengths) {
    const std::int64_t places[] = {0, length / 2, length - 1};
    for (const std::int64_t place : places) {
      Floats logits = Floats::random(2, length, 1);
      logits.row(0)[place] = 2.0F;
      logits.row(0)[length - 1] = 2.0F;
      logits.row(1)[place] = NAN;
      Ints ids{{-7, -7}};
      ops().argmax(stream(), logits.view(), ids.vector());
      synchronize();
      ASSERT_EQ(ids.values[0], place) << length;
      ASSERT_EQ(ids.values[1], -1) << length;
    }
  }
}

TEST_P(RowOps, ArgmaxOfExtremes) {
  for (const std::int64_t length : {1, 8, 33}) {
    Floats logits(4, length, -kInfinity);
    std::fill_n(logits.row(1), length, -0.0F);
    logits.row(1)[length - 1] = 0.0F;  // equal to -0: the first one counts
    logits.row(2)[length - 1] = std::numeric_limits<float>::lowest();
    logits.row(3)[length / 2] = kInfinity;
    Ints ids{{-7, -7, -7, -7}};
    ops().argmax(stream(), logits.view(), ids.vector());
    synchronize();
    const auto last = static_cast<std::int32_t>(length - 1);
    EXPECT_EQ(ids.values, (std::vector<std::int32_t>{0, 0, last, last - last / 2}));
  }
}

TEST_P(RowOps, SelectLogprobs) {
  for (const std::int64_t length : kLengths) {
    Floats logits = Floats::random(3, length, 5, 12.0F);
    const auto last = static_cast<std::int32_t>(length - 1);
    Ints ids{{0, last, last / 2, 0, last, last}};
    Floats logprobs(3, 2, NAN);
    ops().select_logprobs(stream(), logits.view(), ids.matrix(2), logprobs.view());
    synchronize();
    for (std::int64_t r = 0; r < 3; ++r) {
      double sum = 0.0;
      for (std::int64_t i = 0; i < length; ++i) sum += std::exp(double{logits.at(r, i)});
      for (std::int64_t j = 0; j < 2; ++j) {
        const std::int32_t id = ids.values[static_cast<std::size_t>(2 * r + j)];
        ASSERT_NEAR(logprobs.at(r, j), logits.at(r, id) - std::log(sum), kLogprobTolerance)
            << length;
      }
    }
  }
}

TEST_P(RowOps, SelectLogprobsOfExtremes) {
  for (const std::int64_t length : {5, 40}) {
    Floats logits(4, length, -1000.0F);
    logits.row(0)[2] = NAN;
    logits.row(1)[length - 1] = 1000.0F;
    logits.row(2)[0] = -kInfinity;
    std::fill_n(logits.row(3), length, -kInfinity);
    Ints ids{{0, 0, 0, 0}};
    Floats logprobs(4, 1, 1.0F);
    ops().select_logprobs(stream(), logits.view(), ids.matrix(1), logprobs.view());
    synchronize();
    EXPECT_TRUE(std::isnan(logprobs.at(0, 0)));
    EXPECT_EQ(logprobs.at(1, 0), -2000.0F);
    EXPECT_EQ(logprobs.at(2, 0), -kInfinity);
    EXPECT_TRUE(std::isnan(logprobs.at(3, 0)));  // no distribution at all
  }
}

TEST_P(RowOps, RowsDoNotDependOnTheirNumber) {
  const std::int64_t vocab = 5003;
  Floats logits = Floats::random(9, vocab, 3, 8.0F);
  Ints ids;
  for (int r = 0; r < 9; ++r) ids.values.push_back(r * 500);
  Floats together(9, 1);
  ops().select_logprobs(stream(), logits.view(), ids.matrix(1), together.view());
  synchronize();
  for (std::int64_t r = 0; r < 9; ++r) {
    Floats row(1, vocab);
    std::copy_n(logits.row(r), vocab, row.row(0));
    Ints id{{ids.values[static_cast<std::size_t>(r)]}};
    Floats alone(1, 1);
    ops().select_logprobs(stream(), row.view(), id.matrix(1), alone.view());
    synchronize();
    EXPECT_TRUE(same_bits(alone.row(0), together.row(r), 1));
  }
}

TEST_P(RowOps, NoRows) {
  Ints none;
  Floats empty(0, 7);
  TestTensor table(DType::kBF16, 3, 7, 1);
  embed(none, table.matrix(), empty);
  ops().gather_rows(stream(), empty.view(), none.vector(), empty.view());
  ops().argmax(stream(), empty.view(), none.vector());
  Floats no_logprobs(0, 7);
  ops().select_logprobs(stream(), empty.view(), none.matrix(7), no_logprobs.view());
  Floats no_angles(0, 14);
  Floats inv_freq(1, 7);
  ops().rope_angles(stream(), none.vector(), {inv_freq.row(0), DType::kF32, {7}}, no_angles.view());
  synchronize();
}

INSTANTIATE_TEST_SUITE_P(Backends, RowOps, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace parapet::test
