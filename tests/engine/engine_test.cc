// What an engine promises beyond the numbers: endings, log-probabilities, errors of one request.
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "device/reference/reference_device.h"
#include "engine/engine_fixture.h"
#include "engine/failing_device.h"
#include "engine/logprobs.h"
#include "model/model_harness.h"

namespace parapet::test {
namespace {

constexpr const char* kCheckpoint = "mqa5-bf16";  // untied, 131 tokens

class EngineTest : public testing::Test {
 protected:
  const GoldenPrompt& prompt() const { return golden_.prompts.at(3); }

  std::unique_ptr<Device> device_ = create_reference_device();
  GoldenCheckpoint golden_ = golden_checkpoint(kCheckpoint);
  std::unique_ptr<Engine> engine_ = make_engine(*device_, golden_, {.num_kv_blocks = 64});
};

TEST_F(EngineTest, StopTokensEndAnAnswerAndAreNotPartOfIt) {
  GenerationRequest request = request_for(prompt());
  const std::vector<TokenId>& continuation = prompt().greedy_continuation;
  request.stop_token_ids = {-5, continuation[4]};
  const auto first =
      std::find(continuation.begin(), continuation.end(), continuation[4]) - continuation.begin();
  const GenerationOutput output = generate_one(*engine_, request);
  EXPECT_EQ(output.finish_reason, FinishReason::kStopToken);
  EXPECT_EQ(output.stop_token, continuation[4]);
  EXPECT_EQ(output.token_ids,
            std::vector<TokenId>(continuation.begin(), continuation.begin() + first));
  EXPECT_EQ(output.usage.prompt_tokens, std::ssize(prompt().token_ids));
  EXPECT_EQ(output.usage.completion_tokens, first + 1);
}

TEST_F(EngineTest, StopWhenSeesEachPrefixOnce) {
  GenerationRequest request = request_for(prompt());
  std::vector<std::vector<TokenId>> seen;
  request.stop_when = [&](std::span<const TokenId> output, const GenerationOutput&) {
    seen.emplace_back(output.begin(), output.end());
    return output.size() == 3;
  };
  const GenerationOutput output = generate_one(*engine_, request);
  EXPECT_EQ(output.finish_reason, FinishReason::kStopWhen);
  const auto begin = prompt().greedy_continuation.begin();
  EXPECT_EQ(output.token_ids, std::vector<TokenId>(begin, begin + 3));
  ASSERT_EQ(seen.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(seen[i].size(), i + 1);
  EXPECT_EQ(seen[2], output.token_ids);
}

TEST_F(EngineTest, AnswersEndAtMaxModelLen) {
  const auto engine = make_engine(*device_, golden_, {.max_model_len = 20});
  GenerationRequest request = request_for(prompt());
  ASSERT_EQ(request.prompt.size(), 16U);
  request.max_tokens = 1'000'000;
  const GenerationOutput output = generate_one(*engine, request);
  EXPECT_EQ(output.token_ids.size(), 4U);
  EXPECT_EQ(output.finish_reason, FinishReason::kLength);
}

// Log-probabilities of a step against the logits of the model, computed in double.
TEST_F(EngineTest, LogprobsAreThoseOfTheLogits) {
  GenerationRequest request = request_for(prompt());
  request.max_tokens = 4;
  const std::vector<TokenId> at_3 = {7, 130, 7};
  const std::vector<TokenId> at_0 = {0, 1, 2, 3, 4};
  request.plan = std::make_shared<TestPlan>(
      std::map<std::size_t, std::vector<TokenId>>{{3, at_3}, {0, at_0}, {4, {1}}});
  GenerationRequest neighbour = request_for(golden_.prompts[1]);  // asks for nothing
  const auto answers = engine_->generate(std::vector{neighbour, request});
  ASSERT_TRUE(answers[0] && answers[1]);
  EXPECT_TRUE(answers[0]->watched.empty());

  std::vector<TokenId> tokens = prompt().token_ids;
  const auto begin = prompt().greedy_continuation.begin();
  tokens.insert(tokens.end(), begin, begin + 3);
  ModelHarness model(*device_, golden_.config, golden_.weights(), 1, std::ssize(tokens));
  const std::vector<float> all = model.all_logits(tokens, std::ssize(tokens));
  const auto logprob = [&](std::size_t position, TokenId id) {
    const std::span row(all.data() + position * 131, 131);
    double sum = 0;
    for (const float logit : row) sum += std::exp(double{logit});
    return row[static_cast<std::size_t>(id)] - std::log(sum);
  };
  EXPECT_EQ(answers[1]->watched.size(), 2U) << "the answer ended before step 4";
  const std::vector<float> third = watched_at(*answers[1], 3);
  const std::vector<float> first = watched_at(*answers[1], 0);
  ASSERT_EQ(third.size(), 3U);
  ASSERT_EQ(first.size(), 5U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(third[i], logprob(18, at_3[i]), 1e-5);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(first[i], logprob(15, at_0[i]), 1e-5);
}

// Likely tokens, and those asked for, at every position of prompt and answer; the same in chunks.
TEST_F(EngineTest, TopLogprobsAreThoseOfTheLogits) {
  GenerationRequest request = request_for(prompt());
  request.max_tokens = 3;
  request.logprobs = 2;
  request.prompt_logprobs = 1;
  request.logprob_token_ids = {5, 99};
  const auto whole = generate_one(*engine_, request);
  const auto small = make_engine(
      *device_, golden_, {.max_num_seqs = 2, .max_num_batched_tokens = 5, .num_kv_blocks = 64});
  const auto chunked = generate_one(*small, request);
  EXPECT_EQ(whole.logprobs, chunked.logprobs);
  EXPECT_EQ(whole.prompt_logprobs, chunked.prompt_logprobs);
  EXPECT_EQ(whole.token_logprobs, chunked.token_logprobs);

  std::vector<TokenId> tokens = prompt().token_ids;
  tokens.insert(tokens.end(), whole.token_ids.begin(), whole.token_ids.end());
  ModelHarness model(*device_, golden_.config, golden_.weights(), 1, std::ssize(tokens));
  const std::vector<float> all = model.all_logits(tokens, std::ssize(tokens));
  const auto row = [&](std::size_t position) {
    return std::span<const float>(all.data() + position * 131, 131);
  };
  ASSERT_EQ(whole.prompt_logprobs.size(), prompt().token_ids.size());
  EXPECT_TRUE(whole.prompt_logprobs[0].empty());
  for (std::size_t i = 1; i < prompt().token_ids.size(); ++i) {
    const auto expected = top_logprobs(row(i - 1), 1, tokens[i]);
    ASSERT_TRUE(expected);
    EXPECT_EQ(whole.prompt_logprobs[i], *expected) << i;
  }
  ASSERT_EQ(whole.logprobs.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t at = prompt().token_ids.size() + i;
    EXPECT_EQ(whole.logprobs[i], *top_logprobs(row(at - 1), 2, tokens[at])) << i;
    EXPECT_EQ(whole.token_logprobs[i], *logprobs_of(row(at - 1), request.logprob_token_ids)) << i;
  }
}

TEST_F(EngineTest, APromptWithoutAnAnswerIsComputedAndCached) {
  GenerationRequest request = request_for(prompt());
  request.max_tokens = 0;
  const GenerationOutput nothing = generate_one(*engine_, request);
  EXPECT_TRUE(nothing.token_ids.empty());
  EXPECT_EQ(nothing.num_passes, 1);
  const GenerationOutput answer = generate_one(*engine_, request_for(prompt()));
  EXPECT_EQ(answer.token_ids, prompt().greedy_continuation);
  EXPECT_EQ(answer.usage.cached_tokens, std::ssize(prompt().token_ids) - 1);
}

// Every token of prompts and answers is counted in the step that moved it on; drafts that do not
// hold in none.
TEST_F(EngineTest, StepsCountTheTokensThatTheyMoveOn) {
  const auto engine = make_engine(
      *device_, golden_, {.max_num_seqs = 4, .max_num_batched_tokens = 9, .num_kv_blocks = 400});
  std::vector<GenerationRequest> requests;
  for (const GoldenPrompt& each : golden_.prompts) {
    GenerationRequest& request = requests.emplace_back(request_for(each));
    request.plan = std::make_shared<TestPlan>(
        std::map<std::size_t, std::vector<TokenId>>{}, [&each](std::span<const TokenId> output) {
          DraftTree tree;
          if (output.size() >= each.greedy_continuation.size()) return tree;
          const TokenId right = each.greedy_continuation[output.size()];
          tree.add(right, tree.add(right == 3 ? 4 : 3, DraftTree::kRoot));
          tree.add(right, DraftTree::kRoot);
          return tree;
        });
  }
  std::int64_t expected = 0;
  for (const auto& answer : engine->generate(requests)) {
    ASSERT_TRUE(answer);
    expected += answer->usage.prompt_tokens - answer->usage.cached_tokens;
    expected += answer->usage.completion_tokens;
  }
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.step_tokens.tokens, expected);
  const auto& steps = stats.step_tokens.steps;
  EXPECT_EQ(std::accumulate(steps.begin(), steps.end(), std::int64_t{0}), stats.num_steps);
  EXPECT_GT(stats.num_accepted_draft_tokens, 0);
  EXPECT_LE(stats.num_accepted_draft_tokens, stats.num_drafts);
  // A tree's second level stands below the wrong token.
  EXPECT_THAT(stats.num_accepted_by_depth, testing::ElementsAre(stats.num_accepted_draft_tokens));
  EXPECT_GT(stats.num_draft_tokens, 2 * stats.num_drafts);
}

TEST_F(EngineTest, CancelledRequestsAreAnsweredAtOnce) {
  std::vector<ErrorCode> codes;
  const auto on_answer = [&](Result<GenerationOutput> answer) {
    ASSERT_FALSE(answer);
    codes.push_back(answer.error().code);
  };
  const auto running = engine_->add(request_for(prompt()), on_answer);
  ASSERT_TRUE(running);
  engine_->step();
  const auto waiting = engine_->add(request_for(prompt()), on_answer);
  ASSERT_TRUE(waiting);
  EXPECT_TRUE(engine_->cancel(*running));
  EXPECT_TRUE(engine_->cancel(*waiting));
  EXPECT_FALSE(engine_->cancel(*waiting));
  EXPECT_EQ(codes, std::vector<ErrorCode>(2, ErrorCode::kCancelled));
  EXPECT_FALSE(engine_->has_work());
  const EngineStats stats = engine_->stats();
  EXPECT_EQ(stats.num_free_kv_blocks, stats.num_kv_blocks);
}

// Two answers of one step: the first one's receiver cancels the second, which has its answer.
TEST_F(EngineTest, AnAnswerMayCancelItsNeighbour) {
  GenerationRequest request = request_for(prompt());
  request.max_tokens = 1;
  int num_answers = 0;
  RequestId second = 0;
  const auto first = engine_->add(request, [&](const Result<GenerationOutput>& answer) {
    EXPECT_TRUE(answer);
    ++num_answers;
    engine_->cancel(second);
  });
  ASSERT_TRUE(first);
  const auto other = engine_->add(request, [&](const Result<GenerationOutput>&) { ++num_answers; });
  ASSERT_TRUE(other);
  second = *other;
  while (engine_->has_work()) engine_->step();
  EXPECT_EQ(num_answers, 2);
}

TEST_F(EngineTest, SampledAnswersDependOnTheSeedAlone) {
  GenerationRequest request = request_for(prompt());
  request.sampling = {.temperature = 1.5, .seed = 11};
  const std::vector<TokenId> alone = generate_one(*engine_, request).token_ids;
  GenerationRequest other = request;
  other.sampling.seed = 12;
  const auto together =
      engine_->generate(std::vector{request_for(golden_.prompts[2]), other, request});
  ASSERT_TRUE(together[0] && together[1] && together[2]);
  EXPECT_EQ(together[0]->token_ids, golden_.prompts[2].greedy_continuation);
  EXPECT_NE(together[1]->token_ids, alone);
  EXPECT_EQ(together[2]->token_ids, alone);
  request.sampling.top_k = 1;
  EXPECT_EQ(generate_one(*engine_, request).token_ids, prompt().greedy_continuation);
}

TEST_F(EngineTest, RefusedRequestsDoNotTouchTheOthers) {
  GenerationRequest empty;
  GenerationRequest outside = request_for(prompt());
  outside.prompt[3] = 131;
  GenerationRequest too_long = request_for(prompt());
  too_long.prompt.assign(4096, 1);
  GenerationRequest too_large = request_for(prompt());
  too_large.prompt.assign(1025, 1);  // the cache holds 64 blocks of 16
  const auto answers = engine_->generate(std::vector{
      empty, request_for(prompt()), outside, too_long, too_large, request_for(golden_.prompts[1])});
  ASSERT_EQ(answers.size(), 6U);
  EXPECT_EQ(answers[0].error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(answers[2].error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(answers[3].error().code, ErrorCode::kTooLong);
  EXPECT_EQ(answers[4].error().code, ErrorCode::kResourceExhausted);
  ASSERT_TRUE(answers[1] && answers[5]);
  EXPECT_EQ(answers[1]->token_ids, prompt().greedy_continuation);
  EXPECT_EQ(answers[5]->token_ids, golden_.prompts[1].greedy_continuation);
}

TEST_F(EngineTest, TooManyRequestsAreRefusedFromTheFirstTooMany) {
  const auto engine = make_engine(*device_, golden_, {.max_num_requests = 2});
  GenerationRequest request = request_for(prompt());
  request.max_tokens = 1;
  const auto answers = engine->generate(std::vector(4, request));
  EXPECT_TRUE(answers[0] && answers[1]);
  for (const std::size_t i : {2, 3}) {
    ASSERT_FALSE(answers[i]);
    EXPECT_EQ(answers[i].error().code, ErrorCode::kResourceExhausted);
  }
}

TEST_F(EngineTest, NoRequestsGiveNoAnswers) { EXPECT_TRUE(engine_->generate({}).empty()); }

TEST_F(EngineTest, TimesAreOfThisRequest) {
  const GenerationOutput output = generate_one(*engine_, request_for(prompt()));
  EXPECT_GE(output.timing.queue_ms, 0);
  EXPECT_GT(output.timing.prefill_ms, 0);
  EXPECT_GT(output.timing.decode_ms, 0);
}

// The checkpoint with one embedding row of NaN: only a prompt that holds that token suffers.
TEST_F(EngineTest, NanFailsTheRequestThatMeetsIt) {
  constexpr TokenId kBroken = 5;
  const std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / "parapet_nan_checkpoint";
  std::filesystem::create_directories(directory);
  const std::filesystem::path file = golden_.directory / "model.safetensors";
  auto bytes = read_file(file, 1 << 20);
  ASSERT_TRUE(bytes);
  const auto entries = parse_safetensors("model.safetensors",
                                         std::as_bytes(std::span(bytes->data(), bytes->size())));
  ASSERT_TRUE(entries);
  for (const SafetensorsEntry& entry : *entries) {
    if (entry.name != "model.embed_tokens.weight") continue;
    const auto begin = reinterpret_cast<const char*>(entry.data.data()) - bytes->data();
    const auto row_bytes = static_cast<std::size_t>(golden_.config.hidden_size) * 2;
    bytes->replace(static_cast<std::size_t>(begin) + kBroken * row_bytes, row_bytes, row_bytes,
                   '\x7f');                                                     // 0x7f7f is finite
    bytes->at(static_cast<std::size_t>(begin) + kBroken * row_bytes) = '\xc0';  // 0x7fc0 is NaN
  }
  std::ofstream(directory / "model.safetensors", std::ios::binary) << *bytes;
  auto weights = Weights::open(directory, golden_.config);
  ASSERT_TRUE(weights) << weights.error().message;
  auto engine = Engine::create(*device_, golden_.config, std::move(*weights),
                               {.num_kv_blocks = 64, .kv_cache_dtype = DType::kF32});
  ASSERT_TRUE(engine);
  std::filesystem::remove_all(directory);

  GenerationRequest healthy;
  healthy.prompt = {1, 2, 3};
  healthy.max_tokens = 1;
  GenerationRequest broken = healthy;
  broken.prompt = {1, kBroken, 3};
  GenerationRequest sampled = broken;
  sampled.sampling.temperature = 1;
  const auto answers = (*engine)->generate(std::vector{healthy, broken, sampled});
  EXPECT_TRUE(answers[0]);
  for (const std::size_t i : {1, 2}) {
    ASSERT_FALSE(answers[i]);
    EXPECT_EQ(answers[i].error().code, ErrorCode::kNumeric) << answers[i].error().message;
  }
}

TEST(EngineFailureTest, ALostDeviceFailsThoseWithoutAnAnswer) {
  const GoldenCheckpoint golden = golden_checkpoint(kCheckpoint);
  FailingDevice device(3);
  const auto engine = make_engine(device, golden, {.max_num_seqs = 2, .num_kv_blocks = 64});
  std::vector<GenerationRequest> requests(4, request_for(golden.prompts[1]));
  requests[0].max_tokens = 2;
  const auto answers = engine->generate(requests);
  EXPECT_TRUE(answers[0]);
  for (const std::size_t i : {1, 2, 3}) {
    ASSERT_FALSE(answers[i]) << "request " << i;
    EXPECT_NE(answers[i].error().message.find("the device is lost"), std::string::npos);
  }
  // The next call starts from empty books, whatever became of this one.
  EXPECT_FALSE(engine->generate(requests)[0]);
}

}  // namespace
}  // namespace parapet::test
