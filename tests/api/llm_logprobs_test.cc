#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "api/llm_testing.h"

namespace parapet {
namespace {

void expect_same(const std::vector<Logprob>& a, const std::vector<Logprob>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].token_id, b[i].token_id);
    EXPECT_EQ(a[i].logprob, b[i].logprob);
    EXPECT_EQ(a[i].rank, b[i].rank);
  }
}

TEST(LlmLogprobs, EachTokenHasItsOwnAndTheLikeliest) {
  LLM llm = test::load();
  SamplingParams params;
  params.max_tokens = 32;
  params.logprobs = 4;
  const RequestOutput output = test::chat(llm, "Capital of France?", params);
  const CompletionOutput& completion = output.outputs[0];
  ASSERT_EQ(completion.logprobs.size(), completion.token_ids.size() + 1);  // the end token's too
  for (std::size_t i = 0; i < completion.logprobs.size(); ++i) {
    const std::vector<Logprob>& position = completion.logprobs[i];
    ASSERT_EQ(position.size(), 5U);
    const bool is_end = i == completion.token_ids.size();
    EXPECT_EQ(position[0].token_id, is_end ? *completion.stop_token : completion.token_ids[i]);
    EXPECT_EQ(position[0].rank, 1);  // greedy
    EXPECT_EQ(position[1].token_id, position[0].token_id);
    EXPECT_TRUE(std::is_sorted(position.begin() + 1, position.end(),
                               [](const auto& a, const auto& b) { return a.logprob > b.logprob; }));
    EXPECT_LE(position[0].logprob, 0);
  }
  EXPECT_TRUE(output.prompt_logprobs.empty());
  EXPECT_TRUE(completion.token_logprobs.empty());
}

TEST(LlmLogprobs, AskedForTokensComeInTheOrderAsked) {
  LLM llm = test::load();
  SamplingParams params = test::tokens(3);
  params.logprobs = 2;
  const auto first = test::generate(llm, "The guard", params).outputs[0];
  params.logprob_token_ids = {first.logprobs[0][2].token_id, first.logprobs[0][1].token_id, 7};
  const auto completion = test::generate(llm, "The guard", params).outputs[0];
  ASSERT_EQ(completion.token_logprobs.size(), 3U);
  for (const auto& position : completion.token_logprobs) ASSERT_EQ(position.size(), 3U);
  EXPECT_EQ(completion.token_logprobs[0][0], first.logprobs[0][2].logprob);
  EXPECT_EQ(completion.token_logprobs[0][1], first.logprobs[0][1].logprob);
}

// What the model thinks of a token does not depend on whether it wrote or read it, nor on a cache.
TEST(LlmLogprobs, OfThePromptAreThoseOfTheSameTokensWritten) {
  LLM llm = test::load();
  SamplingParams params = test::tokens(10);
  params.temperature = 1.5;
  params.logprobs = 3;
  const RequestOutput written = test::generate(llm, "The guard reads", params);
  const CompletionOutput& answer = written.outputs[0];

  std::vector<TokenId> all = written.prompt_token_ids;
  all.insert(all.end(), answer.token_ids.begin(), answer.token_ids.end());
  SamplingParams reading;
  reading.max_tokens = 0;
  reading.prompt_logprobs = 3;
  for (int repetition = 0; repetition < 2; ++repetition) {
    const auto read = test::need(std::move(llm.generate_from_ids({all}, reading).at(0)));
    EXPECT_TRUE(read.outputs[0].token_ids.empty());
    EXPECT_EQ(read.outputs[0].finish_reason, "length");
    ASSERT_EQ(read.prompt_logprobs.size(), all.size());
    EXPECT_TRUE(read.prompt_logprobs[0].empty());
    for (std::size_t i = 1; i < all.size(); ++i) {
      ASSERT_EQ(read.prompt_logprobs[i].size(), 4U);
      EXPECT_EQ(read.prompt_logprobs[i][0].token_id, all[i]);
    }
    for (std::size_t i = 0; i < answer.token_ids.size(); ++i) {
      expect_same(read.prompt_logprobs[written.prompt_token_ids.size() + i], answer.logprobs[i]);
    }
  }
}

TEST(LlmLogprobs, OfAllTokensAddUpToOne) {
  LLM llm = test::load();
  SamplingParams params = test::tokens(1);
  for (TokenId id = 0; id < 1024; ++id) params.logprob_token_ids.push_back(id);
  double sum = 0;
  for (int part = 0; part < 8; ++part) {  // vocab_size is 8192
    const auto completion = test::generate(llm, "hello", params).outputs[0];
    for (const float logprob : completion.token_logprobs[0]) sum += std::exp(logprob);
    for (TokenId& id : params.logprob_token_ids) id += 1024;
  }
  EXPECT_NEAR(sum, 1, 1e-5);
}

// Put together, a stream's are the answer's, whatever text was held back meanwhile.
TEST(LlmLogprobs, StreamedOnesComeWithTheirTokens) {
  LLM llm = test::load();
  SamplingParams params = test::tokens(12);
  params.n = 3;
  params.temperature = 1.2;
  params.logprobs = 2;
  params.logprob_token_ids = {9, 4};
  params.prompt_logprobs = 1;
  params.stop = {"no such text"};
  auto streamed = test::stream_chat(llm, "hello", params);
  const RequestOutput output = test::need(std::move(streamed.output));
  std::vector<CompletionOutput> told(3);
  for (const OutputDelta& delta : streamed.deltas) {
    CompletionOutput& answer = told.at(static_cast<std::size_t>(delta.index));
    const bool first = answer.token_ids.empty();
    EXPECT_EQ(delta.prompt_logprobs.size(), first ? output.prompt_logprobs.size() : 0);
    if (first) {
      for (std::size_t i = 0; i < delta.prompt_logprobs.size(); ++i) {
        expect_same(delta.prompt_logprobs[i], output.prompt_logprobs[i]);
      }
    }
    EXPECT_EQ(delta.logprobs.size(), delta.token_ids.size());
    answer.token_ids.insert(answer.token_ids.end(), delta.token_ids.begin(), delta.token_ids.end());
    answer.logprobs.insert(answer.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
    answer.token_logprobs.insert(answer.token_logprobs.end(), delta.token_logprobs.begin(),
                                 delta.token_logprobs.end());
  }
  for (std::size_t i = 0; i < told.size(); ++i) {
    const CompletionOutput& whole = output.outputs[i];
    EXPECT_EQ(told[i].token_ids, whole.token_ids);
    EXPECT_EQ(told[i].token_logprobs, whole.token_logprobs);
    ASSERT_EQ(told[i].logprobs.size(), whole.logprobs.size());
    for (std::size_t k = 0; k < whole.logprobs.size(); ++k) {
      expect_same(told[i].logprobs[k], whole.logprobs[k]);
    }
  }
}

// The end token is in no delta, and so is what is told of it.
TEST(LlmLogprobs, AnEndTokensStandInTheAnswerAlone) {
  LLM llm = test::load();
  SamplingParams params;
  params.max_tokens = 32;
  params.logprobs = 0;
  auto streamed = test::stream_chat(llm, "Capital of France?", params);
  const CompletionOutput answer = test::need(std::move(streamed.output)).outputs[0];
  std::size_t num_told = 0;
  for (const OutputDelta& delta : streamed.deltas) num_told += delta.logprobs.size();
  EXPECT_TRUE(answer.stop_token.has_value());
  EXPECT_EQ(num_told + 1, answer.logprobs.size());
}

TEST(LlmLogprobs, ThePromptsComeOnceWithSeveralAnswers) {
  LLM llm = test::load();
  SamplingParams params = test::tokens(2);
  params.n = 2;
  params.prompt_logprobs = 0;
  const RequestOutput output = test::generate(llm, "one two three", params);
  ASSERT_EQ(output.prompt_logprobs.size(), output.prompt_token_ids.size());
  EXPECT_EQ(output.prompt_logprobs[1].size(), 1U);  // the token itself
}

}  // namespace
}  // namespace parapet
