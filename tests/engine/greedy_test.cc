// Greedy answers against transformers, on every device and through every shape of step.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/engine_fixture.h"
#include "model/device_test.h"

namespace parapet::test {
namespace {

using GreedyTest = DeviceTest;

TEST_P(GreedyTest, AnswersMatchTransformers) {
  std::size_t num_tokens = 0;
  float smallest_margin = HUGE_VALF;
  for (const std::string& name : golden_names()) {
    const GoldenCheckpoint golden = golden_checkpoint(name);
    std::vector<GenerationRequest> requests;
    for (const GoldenPrompt& prompt : golden.prompts) requests.push_back(request_for(prompt));
    const auto engine = make_engine(*device_, golden, {.num_kv_blocks = 400});
    const auto answers = engine->generate(requests);
    ASSERT_EQ(answers.size(), golden.prompts.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const GoldenPrompt& prompt = golden.prompts[i];
      SCOPED_TRACE(name + ", prompt of " + std::to_string(prompt.token_ids.size()));
      ASSERT_TRUE(answers[i]) << answers[i].error().message;
      EXPECT_EQ(answers[i]->token_ids, prompt.greedy_continuation);
      EXPECT_EQ(answers[i]->finish_reason, FinishReason::kLength);
      num_tokens += prompt.greedy_continuation.size();
      smallest_margin = std::min(smallest_margin, prompt.smallest_margin);
    }
  }
  std::printf("greedy conformance (%s): %zu tokens, smallest margin %.3f\n",
              GetParam().name.c_str(), num_tokens, static_cast<double>(smallest_margin));
}

struct StepShape {
  std::int64_t max_num_seqs;
  std::int64_t max_num_batched_tokens;
  std::int64_t block_size;
  std::int64_t num_kv_blocks;
};

// One at a time, in small chunks, with blocks for two at a time, with blocks of one token: the
// answers and their log-probabilities must not differ in a bit.
TEST_P(GreedyTest, StepsDoNotChangeAnswers) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa4-f32-sharded");
  std::vector<GenerationRequest> requests;
  for (const GoldenPrompt& prompt : golden.prompts) {
    requests.push_back(request_for(prompt));
    requests.back().plan = std::make_shared<TestPlan>(
        std::map<std::size_t, std::vector<TokenId>>{{0, {1, 2, 3}}, {5, {100}}});
  }
  const auto expected = make_engine(*device_, golden)->generate(requests);
  for (const StepShape& shape : {StepShape{1, 2048, 16, 64}, StepShape{16, 16, 16, 64},
                                 StepShape{3, 7, 16, 12}, StepShape{16, 100, 1, 140}}) {
    const auto engine = make_engine(*device_, golden,
                                    {.max_num_seqs = shape.max_num_seqs,
                                     .max_num_batched_tokens = shape.max_num_batched_tokens,
                                     .block_size = shape.block_size,
                                     .num_kv_blocks = shape.num_kv_blocks});
    const auto actual = engine->generate(requests);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      ASSERT_TRUE(actual[i]) << actual[i].error().message;
      EXPECT_EQ(actual[i]->token_ids, expected[i]->token_ids);
      for (const std::int64_t step : {0, 5}) {
        EXPECT_EQ(watched_at(*actual[i], step), watched_at(*expected[i], step));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, GreedyTest, testing::ValuesIn(all_devices()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace parapet::test
