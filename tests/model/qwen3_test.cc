// The forward pass against transformers, and against itself in every way of cutting up the work.
#include "model/qwen3.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "model/device_test.h"
#include "model/golden_logits.h"
#include "model/model_harness.h"

namespace parapet::test {
namespace {

constexpr double kTolerance = 1e-4;         // relative L2 of one position's logits
constexpr std::int64_t kShortPrompt = 100;  // what the slower properties are proved on

double relative_l2(std::span<const float> actual, std::span<const float> expected) {
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double delta = static_cast<double>(actual[i]) - expected[i];
    difference += delta * delta;
    norm += static_cast<double>(expected[i]) * expected[i];
  }
  return std::sqrt(difference / norm);
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// The largest error of any kept position of the prompt.
double worst_row(std::span<const float> actual, const GoldenPrompt& prompt) {
  const std::size_t vocab = prompt.logits.size() / prompt.rows.size();
  double worst = 0;
  for (std::size_t row = 0; row < prompt.rows.size(); ++row) {
    const std::span expected(prompt.logits.data() + row * vocab, vocab);
    // Not std::max, which would drop a NaN.
    const double error = relative_l2(actual.subspan(row * vocab, vocab), expected);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

std::vector<GoldenPrompt> short_prompts(const GoldenCheckpoint& golden) {
  std::vector<GoldenPrompt> prompts = golden.prompts;
  std::erase_if(prompts, [](const GoldenPrompt& prompt) {
    return std::ssize(prompt.token_ids) > kShortPrompt;
  });
  return prompts;
}

class Qwen3Test : public DeviceTest {
 protected:
  ModelHarness harness(const GoldenCheckpoint& golden, std::size_t num_sequences,
                       std::int64_t max_len, DType kv_dtype = DType::kF32) {
    return {*device_, golden.config, golden.weights(), num_sequences, max_len, kv_dtype};
  }
};

TEST_P(Qwen3Test, LogitsMatchTransformers) {
  double worst = 0;
  std::size_t num_prompts = 0;
  for (const std::string& name : golden_names()) {
    const GoldenCheckpoint golden = golden_checkpoint(name);
    for (const GoldenPrompt& prompt : golden.prompts) {
      SCOPED_TRACE(name + ", prompt of " + std::to_string(prompt.token_ids.size()));
      const std::int64_t length = std::ssize(prompt.token_ids);
      const Piece whole{0, prompt.token_ids, 0, length};
      const double error =
          worst_row(harness(golden, 1, length).step(std::span(&whole, 1), prompt.rows), prompt);
      EXPECT_LE(error, kTolerance);
      worst = std::max(worst, error);
      ++num_prompts;
    }
  }
  EXPECT_GE(num_prompts, 63U);
  std::printf("logits conformance (%s): %zu checkpoints, %zu prompts, worst relative L2 %.1e\n",
              GetParam().name.c_str(), golden_names().size(), num_prompts, worst);
}

TEST_P(Qwen3Test, BatchMatchesAloneBitForBit) {
  for (const std::string& name : golden_names()) {
    SCOPED_TRACE(name);
    const GoldenCheckpoint golden = golden_checkpoint(name);
    const std::vector<GoldenPrompt> prompts = short_prompts(golden);
    std::vector<Piece> pieces;
    std::vector<float> alone;
    for (const GoldenPrompt& prompt : prompts) {
      const std::int64_t length = std::ssize(prompt.token_ids);
      pieces.push_back({pieces.size(), prompt.token_ids, 0, length});
      const std::vector<float> logits =
          harness(golden, 1, length).all_logits(prompt.token_ids, length);
      alone.insert(alone.end(), logits.begin(), logits.end());
    }
    std::vector<std::int32_t> rows(alone.size() /
                                   static_cast<std::size_t>(golden.config.vocab_size));
    std::iota(rows.begin(), rows.end(), 0);
    const auto together = harness(golden, prompts.size(), kShortPrompt).step(pieces, rows);
    EXPECT_TRUE(same_bits(together, alone));
  }
}

// Sequences of which one decodes, one goes on with its prompt and one begins, in one step.
TEST_P(Qwen3Test, MixedStepMatchesAloneBitForBit) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa4-f32-sharded");
  const std::vector<std::int32_t>& prompt = golden.prompts.at(6).token_ids;
  const auto vocab = static_cast<std::size_t>(golden.config.vocab_size);
  const std::vector<float> expected = harness(golden, 1, 100).all_logits(prompt, 100);
  ModelHarness mixed = harness(golden, 3, 100);
  const Piece before[] = {{0, prompt, 0, 47}, {1, prompt, 0, 5}};
  ASSERT_TRUE(mixed.step(before, {}).empty());
  const Piece pieces[] = {{0, prompt, 47, 48}, {1, prompt, 5, 38}, {2, prompt, 0, 17}};
  const std::int32_t last_rows[] = {0, 33, 50};
  const std::vector<float> actual = mixed.step(pieces, last_rows);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto row = static_cast<std::size_t>(pieces[i].end - 1);
    EXPECT_TRUE(same_bits(std::span(actual).subspan(i * vocab, vocab),
                          std::span(expected).subspan(row * vocab, vocab)))
        << "sequence " << i;
  }
}

// A chunk of 1 is a prompt fed token by token, as decoding does it.
TEST_P(Qwen3Test, ChunkedPrefillMatchesWholeBitForBit) {
  for (const std::string& name : golden_names()) {
    const GoldenCheckpoint golden = golden_checkpoint(name);
    const std::vector<std::int32_t>& prompt = golden.prompts.at(6).token_ids;
    for (const DType kv_dtype : {DType::kF32, DType::kBF16}) {
      ModelHarness model = harness(golden, 1, kShortPrompt, kv_dtype);
      const std::vector<float> whole = model.all_logits(prompt, kShortPrompt);
      for (const std::int64_t chunk : {1, 7, 16, 64}) {
        EXPECT_TRUE(same_bits(model.all_logits(prompt, chunk), whole))
            << name << ", chunks of " << chunk << ", cache of " << dtype_name(kv_dtype);
      }
    }
  }
}

// A captured step holds addresses, not values: it must compute what an eager one does.
TEST_P(Qwen3Test, CapturedStepMatchesEagerBitForBit) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa8-f16-tied");
  const std::vector<std::int32_t>& prompt = golden.prompts.at(5).token_ids;
  const Piece prefill{0, prompt, 0, 32};
  const Piece decode{0, prompt, 32, 33};
  const std::int32_t last_of_prefill[] = {31};
  const std::int32_t only_row[] = {0};
  ModelHarness eager = harness(golden, 1, 33);
  ModelHarness captured = harness(golden, 1, 33);
  EXPECT_TRUE(same_bits(captured.captured_step(std::span(&prefill, 1), last_of_prefill),
                        eager.step(std::span(&prefill, 1), last_of_prefill)));
  EXPECT_TRUE(same_bits(captured.captured_step(std::span(&decode, 1), only_row),
                        eager.step(std::span(&decode, 1), only_row)));
}

// bf16 keys and values keep 8 bits: the logits move by about that much, and not by more.
TEST_P(Qwen3Test, Bf16CacheIsCloseToF32) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa2-head128-bf16");
  const GoldenPrompt& prompt = golden.prompts.at(6);
  const Piece whole{0, prompt.token_ids, 0, std::ssize(prompt.token_ids)};
  ModelHarness model = harness(golden, 1, kShortPrompt, DType::kBF16);
  const double error = worst_row(model.step(std::span(&whole, 1), prompt.rows), prompt);
  EXPECT_GT(error, 1e-5);
  EXPECT_LT(error, 3e-2);
}

TEST_P(Qwen3Test, DummyWeightsRun) {
  ModelConfig config = golden_checkpoint("mqa5-bf16").config;
  config.vocab_size = 211;
  config.num_hidden_layers = 5;
  const auto logits = [&](std::uint64_t seed) {
    auto weights = Weights::dummy(config, seed, 1);
    EXPECT_TRUE(weights);
    const std::vector<std::int32_t> prompt{3, 1, 4, 1, 5, 9, 2, 6};
    return ModelHarness(*device_, config, std::move(*weights), 1, 8).all_logits(prompt, 8);
  };
  const std::vector<float> first = logits(1);
  EXPECT_TRUE(std::all_of(first.begin(), first.end(), [](float x) { return std::isfinite(x); }));
  EXPECT_TRUE(same_bits(first, logits(1)));
  EXPECT_FALSE(same_bits(first, logits(2)));
}

INSTANTIATE_TEST_SUITE_P(Devices, Qwen3Test, testing::ValuesIn(all_devices()),
                         [](const auto& instance) { return instance.param.name; });

// One and two threads of the same instruction set.
TEST(Qwen3ThreadsTest, ThreadsDoNotChangeABit) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa2-bf16-tied-long");
  const std::vector<std::int32_t>& prompt = golden.prompts.at(6).token_ids;
  for (const TestDevice& two : all_devices()) {
    if (two.num_threads != 2) continue;
    TestDevice one = two;
    one.num_threads = 1;
    std::vector<std::vector<float>> logits;
    for (const TestDevice& test_device : {one, two}) {
      auto device = test_device.create();
      ASSERT_TRUE(device) << device.error().message;
      ModelHarness model(**device, golden.config, golden.weights(), 1, kShortPrompt);
      logits.push_back(model.all_logits(prompt, kShortPrompt));
    }
    EXPECT_TRUE(same_bits(logits[0], logits[1])) << two.name;
  }
}

}  // namespace
}  // namespace parapet::test
