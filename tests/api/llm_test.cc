#include "parapet/llm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "api/llm_testing.h"

namespace parapet {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

TEST(Llm, ChatsInTheVerdictFormat) {
  LLM llm = test::load();
  SamplingParams params;
  params.max_tokens = 32;
  const RequestOutput output = test::chat(llm, "Capital of France?", params);
  ASSERT_EQ(output.outputs.size(), 1U);
  const CompletionOutput& completion = output.outputs[0];
  EXPECT_EQ(completion.text, "Safety: Safe\nCategories: None");
  EXPECT_EQ(completion.finish_reason, "stop");
  EXPECT_EQ(completion.stop_token, llm.tokenizer().encode("<|im_end|>").at(0));
  EXPECT_FALSE(completion.stop_string.has_value());
  EXPECT_EQ(output.usage.prompt_tokens, std::ssize(output.prompt_token_ids));
  // The end token was computed too.
  EXPECT_EQ(output.usage.completion_tokens, std::ssize(completion.token_ids) + 1);
}

TEST(Llm, StopsAtAStopTokenOfTheCaller) {
  LLM llm = test::load();
  SamplingParams params;
  params.max_tokens = 32;
  const auto ids = test::chat(llm, "Capital of France?", params).outputs[0].token_ids;
  params.stop_token_ids = {ids[2]};
  const auto stopped = test::chat(llm, "Capital of France?", params).outputs[0];
  EXPECT_EQ(stopped.token_ids, std::vector<TokenId>(ids.begin(), ids.begin() + 2));
  EXPECT_EQ(stopped.finish_reason, "stop");
  EXPECT_EQ(stopped.stop_token, ids[2]);
}

TEST(Llm, AnEmptyPromptFailsAlone) {
  LLM llm = test::load();
  const auto outputs = llm.generate({"hello", ""}, {});
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_TRUE(outputs[0].ok());
  ASSERT_FALSE(outputs[1].ok());
  EXPECT_EQ(outputs[1].error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(llm.generate({}, {}).empty());
}

TEST(Llm, TokenIdsAreThePromptThatTheySpell) {
  LLM llm = test::load();
  const auto of_text = test::generate(llm, "The guard", test::tokens(8));
  const auto of_ids = llm.generate_from_ids({of_text.prompt_token_ids}, test::tokens(8));
  ASSERT_TRUE(of_ids[0].ok());
  EXPECT_EQ(of_ids[0]->prompt, "The guard");
  EXPECT_EQ(of_ids[0]->outputs[0].token_ids, of_text.outputs[0].token_ids);
}

TEST(Llm, NAnswersAreThoseOfConsecutiveSeeds) {
  LLM llm = test::load();
  SamplingParams params = test::tokens(12);
  params.temperature = 1.5;
  params.seed = 41;
  params.n = 3;
  const RequestOutput together = test::generate(llm, "The guard", params);
  ASSERT_EQ(together.outputs.size(), 3U);
  EXPECT_EQ(together.usage.completion_tokens, 36);
  EXPECT_EQ(together.usage.prompt_tokens, std::ssize(together.prompt_token_ids));
  params.n = 1;
  for (const CompletionOutput& completion : together.outputs) {
    const RequestOutput alone = test::generate(llm, "The guard", params);
    EXPECT_EQ(completion.token_ids, alone.outputs[0].token_ids);
    EXPECT_EQ(completion.text, alone.outputs[0].text);
    ++*params.seed;
  }
  EXPECT_NE(together.outputs[0].token_ids, together.outputs[1].token_ids);
}

TEST(Llm, MinTokensPutsOffTheEnd) {
  LLM llm = test::load();
  SamplingParams params;
  params.max_tokens = 40;
  const auto ids = test::chat(llm, "Capital of France?", params).outputs[0].token_ids;
  ASSERT_LT(ids.size(), 20U);
  params.min_tokens = 20;
  const auto longer = test::chat(llm, "Capital of France?", params).outputs[0].token_ids;
  ASSERT_GE(longer.size(), 20U);
  EXPECT_TRUE(std::equal(ids.begin(), ids.end(), longer.begin()));
}

TEST(Llm, IgnoreEosWritesOnToTheLimit) {
  LLM llm = test::load();
  const auto output = test::chat(llm, "Capital of France?", test::tokens(24));
  EXPECT_EQ(output.outputs[0].token_ids.size(), 24U);
  EXPECT_EQ(output.outputs[0].finish_reason, "length");
  EXPECT_FALSE(output.outputs[0].stop_token.has_value());
  // Special tokens are no text.
  EXPECT_THAT(output.outputs[0].text, Not(HasSubstr("<|")));
}

TEST(Llm, MaxModelLenEndsAnAnswer) {
  ModelOptions options = test::bundled();
  options.max_model_len = 32;
  LLM llm = test::load(options);
  const auto output = test::generate(llm, "one two three", test::tokens(1000));
  EXPECT_EQ(output.usage.prompt_tokens + output.usage.completion_tokens, 32);
  EXPECT_EQ(output.outputs[0].finish_reason, "length");
}

TEST(Llm, BadWordsAreNotWritten) {
  LLM llm = test::load();
  SamplingParams params;
  params.max_tokens = 32;
  const auto word = llm.tokenizer().encode(" Safe");
  ASSERT_EQ(word.size(), 1U);
  const auto free = test::chat(llm, "Capital of France?", params).outputs[0];
  ASSERT_THAT(free.token_ids, IsSupersetOf(word));
  params.bad_words = {"Safe"};
  const auto held = test::chat(llm, "Capital of France?", params).outputs[0];
  EXPECT_THAT(held.token_ids, Not(IsSupersetOf(word)));
  EXPECT_EQ(held.text.substr(0, 8), "Safety: ");  // another word
}

TEST(Llm, BiasAndAllowedTokensDecide) {
  LLM llm = test::load();
  const TokenId favourite = llm.tokenizer().encode(" the").at(0);
  SamplingParams params = test::tokens(4);
  params.logit_bias = {{favourite, 100.0F}};
  EXPECT_EQ(test::generate(llm, "hello", params).outputs[0].token_ids,
            std::vector<TokenId>(4, favourite));
  params = test::tokens(6);
  params.temperature = 5;
  params.allowed_token_ids = {favourite, favourite + 1};
  const auto allowed = test::generate(llm, "hello", params).outputs[0];
  EXPECT_THAT(allowed.token_ids, Each(AnyOf(favourite, favourite + 1)));
}

}  // namespace
}  // namespace parapet
