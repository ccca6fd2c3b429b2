// Parameters outside their limits: one line that names the field, and nothing runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "api/llm_testing.h"

namespace parapet {
namespace {

using ::testing::HasSubstr;

constexpr TokenId kBeyond = 8192;  // vocab_size

struct Wrong {
  const char* field;
  std::function<void(SamplingParams&)> set;
};

std::vector<Wrong> wrong_numbers() {
  using P = SamplingParams;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  return {{"temperature", [](P& p) { p.temperature = -0.1; }},
          {"temperature", [](P& p) { p.temperature = kNan; }},
          {"temperature", [](P& p) { p.temperature = std::numeric_limits<double>::infinity(); }},
          {"top_p", [](P& p) { p.top_p = 0; }},
          {"top_p", [](P& p) { p.top_p = 1.01; }},
          {"top_p", [](P& p) { p.top_p = kNan; }},
          {"top_k", [](P& p) { p.top_k = -2; }},
          {"min_p", [](P& p) { p.min_p = -0.5; }},
          {"min_p", [](P& p) { p.min_p = kNan; }},
          {"presence_penalty", [](P& p) { p.presence_penalty = 2.5; }},
          {"frequency_penalty", [](P& p) { p.frequency_penalty = -3; }},
          {"repetition_penalty", [](P& p) { p.repetition_penalty = 0; }},
          {"repetition_penalty", [](P& p) { p.repetition_penalty = kNan; }},
          {"n", [](P& p) { p.n = 0; }},
          {"n", [](P& p) { p.n = 129; }},
          {"n", [](P& p) { p.n = std::numeric_limits<std::int64_t>::max(); }},
          {"max_tokens", [](P& p) { p.max_tokens = -1; }},
          {"min_tokens", [](P& p) { p.min_tokens = -1; }},
          {"min_tokens", [](P& p) { p.min_tokens = p.max_tokens + 1; }},
          {"logprobs", [](P& p) { p.logprobs = -2; }},
          {"logprobs", [](P& p) { p.logprobs = kBeyond + 1; }},
          {"prompt_logprobs", [](P& p) { p.prompt_logprobs = kBeyond + 1; }}};
}

std::vector<Wrong> wrong_lists() {
  using P = SamplingParams;
  return {{"stop",
           [](P& p) {
             p.stop = {"fine", ""};
           }},
          {"stop", [](P& p) { p.stop = {std::string(1025, 'x')}; }},
          {"stop", [](P& p) { p.stop.assign(65, "x"); }},
          {"logit_bias",
           [](P& p) {
             p.logit_bias = {{kBeyond, 1.0F}};
           }},
          {"logit_bias",
           [](P& p) {
             p.logit_bias = {{-1, 1.0F}};
           }},
          {"logit_bias",
           [](P& p) {
             p.logit_bias = {{3, 100.5F}};
           }},
          {"logit_bias",
           [](P& p) {
             p.logit_bias = {{3, std::nanf("")}};
           }},
          {"logit_bias",
           [](P& p) {
             p.logit_bias = {{3, 1.0F}, {3, 2.0F}};
           }},
          {"allowed_token_ids",
           [](P& p) {
             p.allowed_token_ids = {1, kBeyond};
           }},
          {"bad_words", [](P& p) { p.bad_words = {""}; }},
          {"bad_words", [](P& p) { p.bad_words.assign(513, "word"); }},
          {"choice", [](P& p) { p.choice.assign(4097, "x"); }},
          {"choice", [](P& p) { p.choice = {"\xFF"}; }},
          {"regex", [](P& p) { p.regex = std::string(20000, 'x'); }},
          {"logprob_token_ids", [](P& p) { p.logprob_token_ids = {kBeyond}; }},
          {"logprob_token_ids", [](P& p) { p.logprob_token_ids = {-1}; }},
          {"logprob_token_ids", [](P& p) { p.logprob_token_ids.assign(1025, 1); }}};
}

void expect_refused(LLM& llm, const Wrong& wrong) {
  SamplingParams params;
  wrong.set(params);
  const auto outputs = llm.generate({"hello"}, params);
  ASSERT_FALSE(outputs[0].ok()) << wrong.field;
  EXPECT_EQ(outputs[0].error().code, ErrorCode::kInvalidArgument) << outputs[0].error().message;
  EXPECT_THAT(outputs[0].error().message, HasSubstr(wrong.field));
  EXPECT_EQ(outputs[0].error().message.find('\n'), std::string::npos);
}

TEST(LlmParams, NumbersOutsideTheirLimits) {
  LLM llm = test::load();
  for (const Wrong& wrong : wrong_numbers()) expect_refused(llm, wrong);
  EXPECT_EQ(llm.counters().steps, 0);
}

TEST(LlmParams, ListsOutsideTheirLimits) {
  LLM llm = test::load();
  for (const Wrong& wrong : wrong_lists()) expect_refused(llm, wrong);
  EXPECT_EQ(llm.counters().steps, 0);
}

TEST(LlmParams, TheLimitsThemselvesAreFine) {
  LLM llm = test::load();
  SamplingParams params = test::tokens(2);
  params.top_k = -1;
  params.min_p = 1;
  params.presence_penalty = -2;
  params.frequency_penalty = 2;
  params.repetition_penalty = 2;
  params.min_tokens = 2;
  params.stop.assign(64, std::string(1024, 'x'));
  params.logit_bias = {{0, -100.0F}, {8191, 100.0F}};
  params.bad_words.assign(512, "word");
  params.logprobs = 1024;
  params.stop_token_ids = {1 << 30};  // never comes
  const auto outputs = llm.generate({"hello"}, params);
  ASSERT_TRUE(outputs[0].ok()) << outputs[0].error().message;
  EXPECT_EQ(outputs[0]->outputs[0].logprobs[0].size(), 1025U);
}

TEST(LlmParams, PromptsThatCannotBeServed) {
  ModelOptions options = test::bundled();
  options.max_model_len = 64;
  LLM llm = test::load(options);
  const std::vector<TokenId> long_prompt(64, 5);
  const auto outputs = llm.generate_from_ids({{1, 2}, {}, {8192}, {-1}, long_prompt}, {});
  const auto code = [&](std::size_t i) { return outputs[i].error().code; };
  EXPECT_TRUE(outputs[0].ok());
  EXPECT_EQ(code(1), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(2), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(3), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(4), ErrorCode::kTooLong);
  EXPECT_THAT(outputs[4].error().message, HasSubstr("max_model_len is 64"));
}

}  // namespace
}  // namespace parapet
