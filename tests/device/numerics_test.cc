// The device that rounds between ops: each rounding against its formula, and nothing else changed.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "device/attention_harness.h"
#include "device/backends.h"
#include "device/host/host_kv_cache.h"
#include "device/numerics/numerics_device.h"
#include "device/packed_tensor.h"
#include "device/test_tensor.h"
#include "device/tolerances.h"

namespace parapet::test {
namespace {

double bf16(double value) { return bf16_to_f32(f32_to_bf16(static_cast<float>(value))); }

// Values that should be formula results rounded to bfloat16. Where float sums stop short of the
// formula, one next to the middle of two may be rounded to the other: one of fifty at most.
class Bf16Check {
 public:
  void expect(float actual, double expected) {
    ++count_;
    EXPECT_EQ(actual, bf16_to_f32(f32_to_bf16(actual))) << "is no bfloat16";
    if (static_cast<double>(actual) == expected) return;
    ++others_;
    EXPECT_LE(std::abs(actual - expected), 0x1p-7 * std::abs(expected)) << "for " << expected;
  }
  ~Bf16Check() { EXPECT_LE(50 * others_, count_) << others_ << " of " << count_; }

 private:
  int count_ = 0;
  int others_ = 0;
};

// ones on the diagonal: what goes in comes out.
class Identity {
 public:
  Identity(Device& device, std::int64_t size, std::int64_t copies) : rows_(size * copies, size) {
    for (std::int64_t r = 0; r < rows_.rows; ++r) rows_.row(r)[r % size] = 1.0F;
    const TensorView view = rows_.view();
    linear_ = device.load_linear({&view, 1}).value();
  }
  const LinearWeight& operator*() const { return *linear_; }

 private:
  Floats rows_;
  std::unique_ptr<LinearWeight> linear_;
};

class NumericsTest : public testing::TestWithParam<Backend> {
 protected:
  void make(const Numerics& numerics, int num_threads = 3) {
    device_ = create_numerics_device(GetParam().device(num_threads), numerics);
    stream_ = device_->create_stream().value();
  }
  void make(Rounding rounding) { make({.rounding = rounding, .exact_packed = false, .codes = {}}); }
  Ops& ops() { return device_->ops(); }
  void synchronize() {
    const Status status = stream_->synchronize();
    ASSERT_TRUE(status.ok()) << status.error().message;
  }

  std::unique_ptr<NumericsDevice> device_;
  std::unique_ptr<Stream> stream_;
};

TEST_P(NumericsTest, NormsRoundTwice) {
  make({Rounded::kNorms});
  Floats x = Floats::random(20, 96, 1, 3.0F);
  TestTensor scale(DType::kBF16, 1, 96, 2, 2.0);
  const Identity weight(*device_, 96, 1);
  Floats out(20, 96, NAN);
  ops().norm_linear(*stream_, x.view(), {scale.vector(), 1e-6F}, *weight, out.view());
  synchronize();
  Bf16Check check;
  for (std::int64_t r = 0; r < x.rows; ++r) {
    double squares = 0;
    for (std::int64_t i = 0; i < 96; ++i) squares += double{x.at(r, i)} * x.at(r, i);
    const double rms = std::sqrt(squares / 96 + 1e-6);
    for (std::int64_t i = 0; i < 96; ++i) {
      check.expect(out.at(r, i), bf16(bf16(x.at(r, i) / rms) * scale.at(i)));
    }
  }
}

TEST_P(NumericsTest, LinearOutputsAndResidualsRound) {
  Floats x = Floats::random(7, 65, 1, 2.0F);
  Floats before = Floats::random(7, 33, 2, 2.0F);
  TestTensor matrix(DType::kF32, 33, 65, 3);
  const TensorView part = matrix.matrix();
  Floats plain(7, 33, NAN);
  Floats sum(7, 33, NAN);
  const auto run = [&](Rounding rounding) {
    make(rounding);
    const auto weight = device_->load_linear({&part, 1}).value();
    sum = before;
    ops().norm_linear(*stream_, x.view(), Norm{}, *weight, plain.view());
    ops().linear_add(*stream_, x.view(), *weight, sum.view());
    synchronize();
  };
  run({});
  const Floats exact = plain;
  run({Rounded::kLinear});
  for (std::size_t i = 0; i < exact.values.size(); ++i) {
    const auto rounded = static_cast<float>(bf16(exact.values[i]));
    EXPECT_EQ(plain.values[i], rounded);
    EXPECT_EQ(sum.values[i], before.values[i] + rounded);
  }
  run({Rounded::kLinear, Rounded::kResidual});
  for (std::size_t i = 0; i < exact.values.size(); ++i) {
    const auto rounded = static_cast<float>(bf16(exact.values[i]));
    EXPECT_EQ(sum.values[i], static_cast<float>(bf16(before.values[i] + rounded)));
  }
}

// The head is the norm_linear after rows were gathered.
TEST_P(NumericsTest, LogitsRoundAndNothingElse) {
  make({Rounded::kLogits});
  Floats x = Floats::random(4, 32, 1);
  TestTensor matrix(DType::kF32, 50, 32, 3);
  const TensorView part = matrix.matrix();
  const auto weight = device_->load_linear({&part, 1}).value();
  Floats layer(4, 50, NAN);
  Floats head(4, 50, NAN);
  ops().norm_linear(*stream_, x.view(), Norm{}, *weight, layer.view());
  Ints rows{{0, 1, 2, 3}};
  Floats gathered(4, 32, NAN);
  ops().gather_rows(*stream_, x.view(), rows.vector(), gathered.view());
  ops().norm_linear(*stream_, gathered.view(), Norm{}, *weight, head.view());
  synchronize();
  bool all_same = true;
  for (std::size_t i = 0; i < head.values.size(); ++i) {
    EXPECT_EQ(head.values[i], static_cast<float>(bf16(layer.values[i])));
    all_same = all_same && head.values[i] == layer.values[i];
  }
  EXPECT_FALSE(all_same);
}

TEST_P(NumericsTest, SiluAndItsProductRound) {
  make({Rounded::kActivation});
  Floats x = Floats::random(20, 64, 1, 6.0F);
  const Identity twice(*device_, 64, 2);
  Floats out(20, 64, NAN);
  ops().norm_gate_up_silu(*stream_, x.view(), Norm{}, *twice, out.view());
  synchronize();
  Bf16Check check;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double v = x.values[i];
    check.expect(out.values[i], bf16(bf16(v / (1 + std::exp(-v))) * v));
  }
}

TEST_P(NumericsTest, EmbeddingAndWeightsRound) {
  TestTensor table(DType::kF32, 30, 16, 4);
  const TensorView part = table.matrix();
  Ints ids{{3, 29, 0, 3}};
  for (const Rounded value : {Rounded::kResidual, Rounded::kWeights}) {
    make({value});
    const auto weight = device_->load_linear({&part, 1}).value();
    Floats hidden(4, 16, NAN);
    ops().embed(*stream_, ids.vector(), *weight, hidden.view());
    synchronize();
    for (std::int64_t r = 0; r < 4; ++r) {
      for (std::int64_t i = 0; i < 16; ++i) {
        EXPECT_EQ(hidden.at(r, i), bf16(table.at(ids.values[static_cast<std::size_t>(r)], i)));
      }
    }
  }
}

// Angles, then the rotated pair; keys and values as they are cached.
TEST_P(NumericsTest, RotationAndCacheRound) {
  const HeadShape shape{.num_heads = 2, .num_kv_heads = 1, .head_dim = 64};
  Floats qkv = Floats::random(12, 256, 1, 2.0F);
  Floats angles = Floats::random(12, 64, 2);
  Ints slots{{5, 3, 7, 1, 0, 2, 4, 6, 8, 9, 11, 10}};
  for (const bool rope : {true, false}) {
    make(rope ? Rounding{Rounded::kRope} : Rounding{Rounded::kKv});
    const auto cache = device_
                           ->create_kv_cache({.num_layers = 1,
                                              .num_blocks = 3,
                                              .block_size = 4,
                                              .num_kv_heads = 1,
                                              .head_dim = 64})
                           .value();
    Floats q(12, 128, NAN);
    ops().qk_norm_rope_store_kv(*stream_, qkv.view(), shape, Norm{}, Norm{}, angles.view(),
                                slots.vector(), *cache, 0, q.view());
    synchronize();
    const auto& host = dynamic_cast<const HostKvCache&>(*cache);
    Bf16Check rotated;
    for (std::int64_t t = 0; t < 12; ++t) {
      const auto round = [rope](double value) { return rope ? bf16(value) : value; };
      const auto turned = [&](std::int64_t head, std::int64_t i) {
        const float* const x = qkv.row(t) + head * 64;
        const double cos = round(angles.at(t, i % 32));
        const double sin = round(angles.at(t, 32 + i % 32));
        return i < 32 ? x[i] * cos - x[i + 32] * sin : x[i] * cos + x[i - 32] * sin;
      };
      std::vector<float> key(64);
      std::vector<float> value(64);
      host.read_key(0, slots.values[static_cast<std::size_t>(t)], 0, key.data());
      host.read_value(0, slots.values[static_cast<std::size_t>(t)], 0, value.data());
      for (std::int64_t i = 0; i < 64; ++i) {
        const auto at = static_cast<std::size_t>(i);
        rotated.expect(key[at], bf16(turned(2, i)));
        if (rope) {
          rotated.expect(q.at(t, i), bf16(turned(0, i)));
          rotated.expect(q.at(t, 64 + i), bf16(turned(1, i)));
          EXPECT_EQ(value[at], qkv.at(t, 192 + i));
        } else {
          EXPECT_NEAR(q.at(t, i), turned(0, i), 1e-6);
          EXPECT_EQ(value[at], static_cast<float>(bf16(qkv.at(t, 192 + i))));
        }
      }
    }
  }
}

// softmax over one's own past, its exponentials rounded.
TEST_P(NumericsTest, AttentionRoundsProbabilities) {
  make({Rounded::kAttention});
  const int dim = 32;
  const HeadShape shape{.num_heads = 1, .num_kv_heads = 1, .head_dim = dim};
  Floats qkv = Floats::random(40, 3 * dim, 1, 2.0F);
  Floats angles(40, dim);
  for (std::int64_t t = 0; t < 40; ++t) std::fill_n(angles.row(t), dim / 2, 1.0F);
  Ints positions;
  for (int t = 0; t < 40; ++t) positions.values.push_back(t);
  Ints starts{{0, 40}};
  Ints contexts{{40}};
  Ints table{{0, 1, 2}};
  const auto cache = device_
                         ->create_kv_cache({.num_layers = 1,
                                            .num_blocks = 3,
                                            .block_size = 16,
                                            .num_kv_heads = 1,
                                            .head_dim = dim})
                         .value();
  Floats q(40, dim, NAN);
  Floats out(40, dim, NAN);
  ops().qk_norm_rope_store_kv(*stream_, qkv.view(), shape, Norm{}, Norm{}, angles.view(),
                              positions.vector(), *cache, 0, q.view());
  const BatchView batch{.token_ids = positions.vector(),
                        .positions = positions.vector(),
                        .slot_mapping = positions.vector(),
                        .query_start = starts.vector(),
                        .context_lens = contexts.vector(),
                        .block_tables = table.matrix(3),
                        .max_query_len = 40,
                        .max_context_len = 40};
  ops().paged_attention(*stream_, q.view(), shape, *cache, 0, batch, 0.5F, out.view());
  synchronize();
  Bf16Check check;
  for (std::int64_t t = 0; t < 40; ++t) {
    Doubles scores;
    for (std::int64_t s = 0; s <= t; ++s) {
      double score = 0;
      for (std::int64_t i = 0; i < dim; ++i) score += 0.5 * qkv.at(t, i) * qkv.at(s, dim + i);
      scores.push_back(score);
    }
    const double max = *std::ranges::max_element(scores);
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - max);
    for (std::int64_t i = 0; i < dim; ++i) {
      double mixed = 0;
      for (std::int64_t s = 0; s <= t; ++s) {
        mixed += bf16(scores[static_cast<std::size_t>(s)]) * qkv.at(s, 2 * dim + i);
      }
      check.expect(out.at(t, i), bf16(mixed / sum));
    }
  }
}

// Codes and floats that stand for packed weights are what the packed op multiplies.
TEST_P(NumericsTest, CodesTimesExactWeightsAreThePackedOp) {
  for (const WeightFormat format : {WeightFormat::kInt8, WeightFormat::kInt4}) {
    for (const std::int64_t group : {32, 64, 128}) {
      Floats x = Floats::random(5, 200, 1, 3.0F);
      const PackedTensor first(format, group, 600, 200, 3);  // more than are unpacked at once
      const PackedTensor second(format, group, 24, 200, 4);
      const PackedMatrix parts[] = {first.matrix(), second.matrix()};
      Floats exact(5, 624, NAN);
      Floats emulated(5, 624, NAN);
      Floats packed(5, 624, NAN);
      const auto run = [&](const Numerics& numerics, Floats& out) {
        make(numerics);
        const auto weight = device_->load_packed_linear(parts).value();
        ops().norm_linear(*stream_, x.view(), Norm{}, *weight, out.view());
        synchronize();
      };
      run({}, packed);
      run({.rounding = {}, .exact_packed = true, .codes = {group, 0}}, emulated);
      run({.rounding = {}, .exact_packed = true, .codes = {}}, exact);
      for (std::int64_t r = 0; r < 5; ++r) {
        for (std::int64_t c = 0; c < 624; ++c) {
          double expected = 0;
          double magnitude = 0;
          for (std::int64_t i = 0; i < 200; ++i) {
            const double term = x.at(r, i) * (c < 600 ? first.at(c, i) : second.at(c - 600, i));
            expected += term;
            magnitude += std::abs(term);
          }
          // On matrix tiles weights are rounded to bfloat16 too.
          const bool tiles = group <= device_->info().max_bf16_group;
          EXPECT_NEAR(emulated.at(r, c), packed.at(r, c), tiles ? 0x1p-8 * magnitude : 1e-4);
          EXPECT_NEAR(exact.at(r, c), expected, 1e-4);
        }
      }
    }
  }
}

AttentionSetup ragged() {
  return {.shape = {.num_heads = 4, .num_kv_heads = 2, .head_dim = 32},
          .block_size = 16,
          .kv_dtype = DType::kBF16,
          .lengths = {1, 37, 70}};
}

// Chunks, batches, tails and threads change no bit of a row.
TEST_P(NumericsTest, RowsDependOnThemselvesAlone) {
  const Numerics all{.rounding = Rounding::bfloat16(), .exact_packed = false, .codes = {}};
  make(all, 1);
  AttentionHarness whole(*device_, ragged());
  whole.step({{0, 1}, {1, 37}, {2, 70}});
  const auto other = create_numerics_device(GetParam().device(3), all);
  AttentionHarness parts(*other, ragged());
  parts.scatter_tail(2, 21);
  parts.step({{2, 5}});
  parts.step({{2, 60}, {1, 36}});
  parts.step({{1, 1}, {0, 1}, {2, 5}});
  for (int seq = 0; seq < 3; ++seq) {
    EXPECT_TRUE(same_bits(whole.queries(seq).row(0), parts.queries(seq).row(0),
                          std::ssize(whole.queries(seq).values)));
    EXPECT_TRUE(same_bits(whole.outputs(seq).row(0), parts.outputs(seq).row(0),
                          std::ssize(whole.outputs(seq).values)));
  }
}

class CountingTaps final : public OpTaps {
 public:
  explicit CountingTaps(bool inside) : inside_(inside) {}
  bool inside_layers() const override { return inside_; }
  void on_op(int, OpName, const TappedRows&) override { ++count; }
  int count = 0;

 private:
  bool inside_;
};

// With nothing to round it is the inner device; looked into, it computes the same up to the order
// of sums.
TEST_P(NumericsTest, NothingRoundedIsTheInnerDevice) {
  const auto inner = GetParam().device(2);
  AttentionHarness expected(*inner, ragged());
  expected.step({{0, 1}, {1, 37}, {2, 70}});
  for (const bool inside : {false, true}) {
    make({}, 2);
    CountingTaps taps(inside);
    device_->set_taps(&taps);
    AttentionHarness actual(*device_, ragged());
    actual.step({{0, 1}, {1, 37}, {2, 70}});
    EXPECT_EQ(taps.count, inside ? 4 : 0);  // qk_norm, rope, kv_cache, attention
    for (int seq = 0; seq < 3; ++seq) {
      const auto count = std::ssize(expected.outputs(seq).values);
      if (!inside) {
        EXPECT_TRUE(same_bits(expected.outputs(seq).row(0), actual.outputs(seq).row(0), count));
        continue;
      }
      for (std::int64_t i = 0; i < count; ++i) {
        EXPECT_NEAR(expected.outputs(seq).row(0)[i], actual.outputs(seq).row(0)[i], 1e-2);
        EXPECT_NEAR(expected.queries(seq).row(0)[i], actual.queries(seq).row(0)[i], 1e-5);
      }
    }
  }
}

TEST_P(NumericsTest, NotANumberStaysOne) {
  make(Rounding::bfloat16());
  Floats x = Floats::random(2, 32, 1);
  x.row(1)[5] = std::numeric_limits<float>::quiet_NaN();
  TestTensor scale(DType::kF32, 1, 32, 2);
  const Identity weight(*device_, 32, 1);
  Floats out(2, 32, 0);
  ops().norm_linear(*stream_, x.view(), {scale.vector(), 1e-6F}, *weight, out.view());
  synchronize();
  for (std::int64_t i = 0; i < 32; ++i) {
    EXPECT_TRUE(std::isfinite(out.at(0, i)));
    EXPECT_TRUE(std::isnan(out.at(1, i)));
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, NumericsTest, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace parapet::test
