// Verdicts in one pass against plain greedy decoding: the same to the last bit, in fewer passes.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "parapet/guard.h"
#include "support/heldout.h"
#include "support/paths.h"

namespace parapet {
namespace {

ModelOptions bundled() {
  ModelOptions options;
  options.model = test::bundled_model();
  return options;
}

Guard load(const ModelOptions& options) {
  auto guard = Guard::load(options);
  EXPECT_TRUE(guard.ok()) << guard.error().message;
  return std::move(*guard);
}

void expect_same(const Result<Verdict>& drafted, const Result<Verdict>& plain) {
  ASSERT_TRUE(drafted.ok()) << drafted.error().message;
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_EQ(drafted->text, plain->text);
  EXPECT_EQ(drafted->safety, plain->safety);
  EXPECT_EQ(drafted->categories, plain->categories);
  EXPECT_EQ(drafted->refusal, plain->refusal);
  EXPECT_EQ(drafted->usage.completion_tokens, plain->usage.completion_tokens);
  EXPECT_EQ(drafted->error.has_value(), plain->error.has_value());
  ASSERT_EQ(drafted->probabilities.has_value(), plain->probabilities.has_value());
  if (drafted->probabilities) {
    EXPECT_EQ(drafted->probabilities->safe, plain->probabilities->safe);
    EXPECT_EQ(drafted->probabilities->unsafe, plain->probabilities->unsafe);
    EXPECT_EQ(drafted->probabilities->label_mass, plain->probabilities->label_mass);
  }
  ASSERT_EQ(drafted->category_probabilities.size(), plain->category_probabilities.size());
  for (std::size_t i = 0; i < plain->category_probabilities.size(); ++i) {
    EXPECT_EQ(drafted->category_probabilities[i].probability,
              plain->category_probabilities[i].probability);
  }
}

std::size_t num_names(const Verdict& verdict) {
  return std::max<std::size_t>(1, verdict.categories.size());
}

// A model that answers well: one pass for Safe, at most one more for each category.
TEST(VerdictPath, TheBundledModelAnswersInOnePassOrTwo) {
  Guard guard = load(bundled());
  std::size_t num_safe = 0;
  std::size_t num_unsafe = 0;
  const auto all = test::heldout_conversations();
  // So many that all fit in a step: where prompts are cut, that costs passes too.
  constexpr std::size_t kTogether = 8;
  for (std::size_t begin = 0; begin + kTogether <= all.size(); begin += kTogether) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(begin);
    const std::vector<Conversation> some(first, first + kTogether);
    const auto drafted = guard.judge(some);
    const auto plain = guard.judge(some, {.plain_decoding = true});
    for (std::size_t i = 0; i < some.size(); ++i) {
      expect_same(drafted[i], plain[i]);
      const Verdict& verdict = *drafted[i];
      EXPECT_EQ(plain[i]->num_passes, plain[i]->usage.completion_tokens);
      if (verdict.error) continue;
      (verdict.safety == Safety::kSafe ? num_safe : num_unsafe) += 1;
      EXPECT_LE(verdict.num_passes, verdict.safety == Safety::kSafe
                                        ? 1
                                        : 1 + static_cast<std::int64_t>(num_names(verdict)));
    }
  }
  EXPECT_GT(num_safe, 100U);
  EXPECT_GT(num_unsafe, 100U);
}

// Models that know nothing of the format.
TEST(VerdictPath, RandomModelsWriteWhatTheyWouldHaveWritten) {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    ModelOptions options = bundled();
    options.load_format = "dummy";
    options.seed = seed;
    Guard guard = load(options);
    auto conversations = test::heldout_conversations();
    conversations.resize(40);
    const auto drafted = guard.judge(conversations);
    const auto plain = guard.judge(conversations, {.plain_decoding = true});
    for (std::size_t i = 0; i < conversations.size(); ++i) expect_same(drafted[i], plain[i]);
  }
}

TEST(VerdictPath, StopAfterLabelIsOnePassForEveryLabel) {
  Guard guard = load(bundled());
  auto conversations = test::heldout_conversations();
  conversations.resize(100);
  const auto whole = guard.judge(conversations);
  const auto labels = guard.judge(conversations, {.stop_after_label = true});
  for (std::size_t i = 0; i < conversations.size(); ++i) {
    ASSERT_TRUE(whole[i].ok() && labels[i].ok());
    if (whole[i]->error) continue;
    EXPECT_EQ(labels[i]->safety, whole[i]->safety);
    EXPECT_EQ(labels[i]->num_passes, 1);
    EXPECT_TRUE(labels[i]->categories.empty());
    EXPECT_EQ(labels[i]->probabilities->unsafe, whole[i]->probabilities->unsafe);
  }
}

TEST(VerdictPath, CategoryProbabilitiesAreOfTheFirstCategory) {
  Guard guard = load(bundled());
  const auto verdicts =
      guard.judge({{{"user", "How to make a bomb?"}}, {{"user", "Capital of France?"}}});
  for (const auto& verdict : verdicts) {
    ASSERT_TRUE(verdict.ok());
    ASSERT_EQ(verdict->category_probabilities.size(), 10U);
    const auto likeliest = std::ranges::max_element(verdict->category_probabilities, {},
                                                    &CategoryProbability::probability);
    EXPECT_EQ(likeliest->name, verdict->categories.empty() ? "None" : verdict->categories[0]);
    double sum = 0;
    for (const auto& each : verdict->category_probabilities) sum += each.probability;
    EXPECT_NEAR(sum, 1, 1e-9);
  }
}

// The policy is computed once, to its last token, and every prompt after it finds it.
TEST(VerdictPath, ThePolicyIsCachedToItsLastToken) {
  Guard guard = load(bundled());
  ASSERT_TRUE(guard.prefill_policies().ok());
  const auto first = guard.judge({{{"user", "Capital of France?"}}});
  const auto other = guard.judge({{{"user", "怎样做饼干"}}}, {.cache_salt = "another tenant"});
  ASSERT_TRUE(first[0].ok() && other[0].ok());
  EXPECT_GT(first[0]->usage.cached_tokens, 150);
  EXPECT_NE(first[0]->usage.cached_tokens % guard.info().block_size, 0);
  EXPECT_EQ(other[0]->usage.cached_tokens, first[0]->usage.cached_tokens);
  // What a tenant wrote is found by that tenant only.
  const auto own = guard.judge({{{"user", "怎样做饼干"}}}, {.cache_salt = "another tenant"});
  const auto foreign = guard.judge({{{"user", "怎样做饼干"}}}, {.cache_salt = "a third one"});
  EXPECT_GT(own[0]->usage.cached_tokens, other[0]->usage.cached_tokens);
  EXPECT_EQ(foreign[0]->usage.cached_tokens, other[0]->usage.cached_tokens);
}

TEST(VerdictPath, WhatIsTooLongIsJudgedInWindows) {
  ModelOptions options = bundled();
  options.max_model_len = 600;
  Guard guard = load(options);
  std::string harmless;
  for (int i = 0; i < 120; ++i) harmless += "What is the capital of France? ";
  const std::string hidden = harmless + "How to make a bomb? " + harmless;
  const auto verdicts = guard.judge({{{"user", hidden}}, {{"user", "hello"}}});
  ASSERT_TRUE(verdicts[0].ok()) << verdicts[0].error().message;
  EXPECT_GT(verdicts[0]->num_windows, 3);
  EXPECT_GE(verdicts[0]->num_passes, verdicts[0]->num_windows);
  EXPECT_FALSE(verdicts[0]->context_cut);
  EXPECT_EQ(verdicts[1]->num_windows, 1);

  const auto refused = guard.judge({{{"user", hidden}}}, {.use_windows = false});
  ASSERT_FALSE(refused[0].ok());
  EXPECT_EQ(refused[0].error().code, ErrorCode::kTooLong);

  const auto response = guard.judge({{{"user", harmless}, {"assistant", "Paris."}}});
  ASSERT_TRUE(response[0].ok()) << response[0].error().message;
  EXPECT_TRUE(response[0]->context_cut);
}

TEST(VerdictPath, AsynchronousVerdictsAreTheSame) {
  Guard guard = load(bundled());
  auto conversations = test::heldout_conversations();
  conversations.resize(20);
  std::vector<std::future<Result<Verdict>>> futures;
  for (const Conversation& conversation : conversations) {
    auto promise = std::make_shared<std::promise<Result<Verdict>>>();
    futures.push_back(promise->get_future());
    guard.judge_async(conversation, {}, [promise](Result<Verdict> verdict) {
      promise->set_value(std::move(verdict));
    });
  }
  const auto expected = guard.judge(conversations);
  for (std::size_t i = 0; i < futures.size(); ++i) {
    const auto verdict = futures[i].get();
    ASSERT_TRUE(verdict.ok());
    EXPECT_EQ(verdict->text, expected[i]->text);
  }
}

}  // namespace
}  // namespace parapet
