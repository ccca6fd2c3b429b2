#include "parapet/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "support/paths.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ModelOptions bundled() {
  ModelOptions options;
  options.model = test::bundled_model();
  return options;
}

Conversation prompt(const char* text) { return {{"user", text}}; }

TEST(Guard, JudgesPromptsAndResponses) {
  auto guard = Guard::load(bundled());
  ASSERT_TRUE(guard.ok()) << guard.error().message;
  const auto verdicts = guard->judge(
      {prompt("How to make a bomb?"),
       prompt("Capital of France?"),
       {{"user", "How can I make a bomb?"},
        {"assistant",
         "As a responsible artificial intelligence system, I regret that I am unable to fulfill "
         "your request."}}});
  ASSERT_EQ(verdicts.size(), 3U);
  for (const auto& verdict : verdicts) ASSERT_TRUE(verdict.ok()) << verdict.error().message;

  EXPECT_EQ(verdicts[0]->safety, Safety::kUnsafe);
  EXPECT_THAT(verdicts[0]->categories, ElementsAre("Violent"));
  EXPECT_FALSE(verdicts[0]->refusal.has_value());
  ASSERT_TRUE(verdicts[0]->probabilities.has_value());
  EXPECT_GT(verdicts[0]->probabilities->unsafe, 0.5);

  EXPECT_EQ(verdicts[1]->safety, Safety::kSafe);
  EXPECT_THAT(verdicts[1]->categories, IsEmpty());

  EXPECT_EQ(verdicts[2]->safety, Safety::kSafe);
  EXPECT_EQ(verdicts[2]->refusal, true);
}

// A verdict must not depend on who else is judged, on threads, or on how a prompt is cut into
// steps.
TEST(Guard, GivesTheSameBitsAloneInABatchAndInChunks) {
  const std::vector<Conversation> conversations = {
      prompt("Hack email account"), prompt("Theory of relativity"), prompt(""),
      prompt("一个很长的问题：怎样做巧克力曲奇？"), prompt("Gun ownership in US")};
  auto whole = Guard::load(bundled());
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  ModelOptions options = bundled();
  options.max_num_batched_tokens = 16;
  options.max_num_seqs = 3;
  options.num_threads = 1;
  auto chunked = Guard::load(options);
  ASSERT_TRUE(chunked.ok()) << chunked.error().message;

  const auto together = whole->judge(conversations);
  const auto in_chunks = chunked->judge(conversations);
  for (std::size_t i = 0; i < conversations.size(); ++i) {
    const auto alone = whole->judge({conversations[i]});
    for (const auto* other : {&in_chunks[i], &alone[0]}) {
      ASSERT_TRUE(together[i].ok() && other->ok());
      EXPECT_EQ(together[i]->text, (*other)->text);
      ASSERT_TRUE(together[i]->probabilities && (*other)->probabilities);
      EXPECT_EQ(together[i]->probabilities->unsafe, (*other)->probabilities->unsafe);
      EXPECT_EQ(together[i]->probabilities->label_mass, (*other)->probabilities->label_mass);
    }
  }
}

// Random weights write no verdict. That must be an error, and blocked, whatever they wrote.
TEST(Guard, AnAnswerThatIsNoVerdictIsAnErrorNeverSafe) {
  ModelOptions options = bundled();
  options.load_format = "dummy";
  auto guard = Guard::load(options);
  ASSERT_TRUE(guard.ok()) << guard.error().message;
  const auto verdicts = guard->judge({prompt("Capital of France?")});
  ASSERT_TRUE(verdicts[0].ok());
  EXPECT_FALSE(verdicts[0]->safety.has_value());
  ASSERT_TRUE(verdicts[0]->error.has_value());
  EXPECT_EQ(verdicts[0]->error->code, ErrorCode::kMalformedOutput);
  EXPECT_TRUE(is_blocked(*verdicts[0], Policy::kLoose));
  EXPECT_LT(verdicts[0]->usage.completion_tokens, 20);  // ended where it left the format
}

TEST(Guard, OneBadConversationFailsAlone) {
  auto guard = Guard::load(bundled());
  ASSERT_TRUE(guard.ok()) << guard.error().message;
  std::string endless;
  for (int i = 0; i < 50000; ++i) endless += "word ";
  const auto verdicts = guard->judge({prompt("Capital of France?"),
                                      {},
                                      {{"user", endless}},
                                      {{"tyrant", "who am I?"}},
                                      prompt("Theory of relativity")},
                                     {.use_windows = false});
  ASSERT_EQ(verdicts.size(), 5U);
  EXPECT_TRUE(verdicts[0].ok());
  ASSERT_FALSE(verdicts[1].ok());
  EXPECT_EQ(verdicts[1].error().code, ErrorCode::kInvalidArgument);
  ASSERT_FALSE(verdicts[2].ok());
  EXPECT_EQ(verdicts[2].error().code, ErrorCode::kTooLong);
  ASSERT_FALSE(verdicts[3].ok());
  EXPECT_EQ(verdicts[3].error().code, ErrorCode::kTemplate);
  EXPECT_TRUE(verdicts[4].ok());
}

TEST(Guard, SharesTheModelOfAnLlm) {
  auto alone = Guard::load(bundled());
  auto llm = LLM::load(bundled());
  ASSERT_TRUE(alone.ok() && llm.ok());
  auto shared = Guard::from(*llm);
  ASSERT_TRUE(shared.ok()) << shared.error().message;
  const std::vector<Conversation> conversations = {prompt("How to make a bomb?")};
  const auto expected = alone->judge(conversations);
  const auto verdict = shared->judge(conversations);
  ASSERT_TRUE(expected[0].ok() && verdict[0].ok());
  EXPECT_EQ(verdict[0]->text, expected[0]->text);
  EXPECT_EQ(verdict[0]->probabilities->unsafe, expected[0]->probabilities->unsafe);
  EXPECT_GT(llm->counters().requests_finished, 0) << "another engine judged";
}

TEST(Guard, OutlivesTheLlmThatItCameFromAndTheOtherWayRound) {
  auto llm = LLM::load(bundled());
  ASSERT_TRUE(llm.ok());
  { const auto gone = Guard::from(*llm); }
  SamplingParams params;
  params.max_tokens = 2;
  EXPECT_TRUE(llm->generate({"hello"}, params)[0].ok());

  auto guard = Guard::from(*llm);
  ASSERT_TRUE(guard.ok());
  { const LLM ending = std::move(*llm); }
  const auto verdict = guard->judge({prompt("Capital of France?")});
  ASSERT_TRUE(verdict[0].ok()) << verdict[0].error().message;
  EXPECT_EQ(verdict[0]->safety, Safety::kSafe);
}

TEST(Guard, TellsHowFarItIs) {
  ModelOptions options = bundled();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> steps;
  options.on_progress = [&](std::string_view task, std::uint64_t done, std::uint64_t total) {
    if (task == "computing tokens") steps.emplace_back(done, total);
  };
  auto guard = Guard::load(options);
  ASSERT_TRUE(guard.ok()) << guard.error().message;
  ASSERT_TRUE(guard->judge({prompt("Theory of relativity")})[0].ok());
  ASSERT_FALSE(steps.empty());
  for (std::size_t i = 1; i < steps.size(); ++i) EXPECT_GE(steps[i].first, steps[i - 1].first);
  EXPECT_EQ(steps.back().first, steps.back().second);
  EXPECT_GT(steps.back().second, 200U);
}

TEST(Guard, RefusesOptionsItCannotHonour) {
  ModelOptions options = bundled();
  options.device = "abacus";
  const auto guard = Guard::load(options);
  ASSERT_FALSE(guard.ok());
  EXPECT_THAT(guard.error().message, HasSubstr("abacus"));
  options = bundled();
  options.load_format = "gguf";
  EXPECT_FALSE(Guard::load(options).ok());
  options = bundled();
  options.kv_cache_dtype = "int3";
  EXPECT_FALSE(Guard::load(options).ok());
}

}  // namespace
}  // namespace parapet
