// Drafted answers against plain greedy decoding: whatever is drafted, the tokens are the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "engine/engine.h"
#include "engine/engine_fixture.h"
#include "model/device_test.h"

namespace parapet::test {
namespace {

using DraftTest = DeviceTest;

std::vector<TokenId> rest_of(const std::vector<TokenId>& answer, std::span<const TokenId> output) {
  const auto begin = std::min(output.size(), answer.size());
  return {answer.begin() + static_cast<std::ptrdiff_t>(begin), answer.end()};
}

// The whole answer, drafted at once: one pass for the prompt and all of it.
TEST_P(DraftTest, ARightDraftTakesOnePass) {
  for (const std::string& name : golden_names()) {
    const GoldenCheckpoint golden = golden_checkpoint(name);
    const auto engine =
        make_engine(*device_, golden, {.max_num_batched_tokens = 4096, .num_kv_blocks = 400});
    for (const GoldenPrompt& prompt : golden.prompts) {
      GenerationRequest request = request_for(prompt);
      const std::vector<TokenId>& answer = prompt.greedy_continuation;
      request.plan = std::make_shared<TestPlan>(std::map<std::size_t, std::vector<TokenId>>{},
                                                [&](std::span<const TokenId> output) {
                                                  DraftTree tree;
                                                  tree.add(rest_of(answer, output));
                                                  return tree;
                                                });
      const GenerationOutput output = generate_one(*engine, request);
      EXPECT_EQ(output.token_ids, answer) << name;
      EXPECT_EQ(output.num_passes, 1) << name;
    }
  }
}

// A tree in which the right answer is one branch among wrong ones, first or last.
TEST_P(DraftTest, TheRightBranchIsFoundInOnePass) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa4-f32-sharded");
  for (const std::int64_t block_size : {1, 5, 16}) {
    const auto engine =
        make_engine(*device_, golden, {.block_size = block_size, .num_kv_blocks = 2000});
    for (const GoldenPrompt& prompt : golden.prompts) {
      const std::vector<TokenId>& answer = prompt.greedy_continuation;
      for (std::size_t fork = 0; fork < std::min<std::size_t>(answer.size(), 6); ++fork) {
        GenerationRequest request = request_for(prompt);
        request.plan = std::make_shared<TestPlan>(
            std::map<std::size_t, std::vector<TokenId>>{}, [&](std::span<const TokenId> output) {
              DraftTree tree;
              std::vector<TokenId> wrong(answer.begin(),
                                         answer.begin() + static_cast<std::ptrdiff_t>(fork));
              wrong.push_back(answer[fork] == 3 ? 4 : 3);
              wrong.insert(wrong.end(), {1, 2, 1});
              tree.add(rest_of(wrong, output));
              tree.add(rest_of(answer, output));
              return tree;
            });
        const GenerationOutput output = generate_one(*engine, request);
        EXPECT_EQ(output.token_ids, answer);
        EXPECT_EQ(output.num_passes, 1) << "fork at " << fork;
      }
    }
  }
}

// Random trees of right and wrong beginnings, many requests at once, in every shape of step.
TEST_P(DraftTest, RandomDraftsNeverChangeAnAnswer) {
  const GoldenCheckpoint golden = golden_checkpoint("gqa4-f32-sharded");
  std::vector<GenerationRequest> requests;
  for (std::size_t i = 0; i < golden.prompts.size(); ++i) {
    for (std::uint32_t repeat = 0; repeat < 2; ++repeat) {
      const GoldenPrompt& prompt = golden.prompts[i];
      GenerationRequest request = request_for(prompt);
      request.plan = std::make_shared<TestPlan>(
          std::map<std::size_t, std::vector<TokenId>>{{1, {1, 2}}, {4, {7}}},
          [&prompt, i, repeat](std::span<const TokenId> output) {
            std::mt19937 random(static_cast<std::uint32_t>(100 * i + 10 * output.size() + repeat));
            DraftTree tree;
            for (int path = 0; path < 5; ++path) {
              std::vector<TokenId> tokens = rest_of(prompt.greedy_continuation, output);
              tokens.resize(std::min<std::size_t>(tokens.size(), 1 + random() % 6));
              for (TokenId& token : tokens) {
                if (random() % 4 == 0) token = static_cast<TokenId>(random() % 20);
              }
              tree.add(tokens);
            }
            return tree;
          });
      requests.push_back(std::move(request));
    }
  }
  std::vector<std::vector<float>> watched;
  for (const EngineOptions& options :
       {EngineOptions{.num_kv_blocks = 400},
        EngineOptions{.num_kv_blocks = 400, .enforce_eager = true},
        EngineOptions{.max_num_seqs = 3, .max_num_batched_tokens = 17, .num_kv_blocks = 60},
        EngineOptions{.max_num_seqs = 8,
        .max_num_batched_tokens = 64,
        .block_size = 3,
        .num_kv_blocks = 70,
        .enable_prefix_caching = false}}) {
    const auto engine = make_engine(*device_, golden, options);
    const auto answers = engine->generate(requests);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_TRUE(answers[i]) << answers[i].error().message;
      EXPECT_EQ(answers[i]->token_ids, golden.prompts[i / 2].greedy_continuation);
      const std::vector<float> fourth = watched_at(*answers[i], 4);
      if (watched.size() == i) watched.push_back(fourth);
      EXPECT_EQ(fourth, watched[i]);
    }
    const EngineStats stats = engine->stats();
    EXPECT_EQ(stats.num_free_kv_blocks, stats.num_kv_blocks);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, DraftTest, testing::ValuesIn(all_devices()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace parapet::test
