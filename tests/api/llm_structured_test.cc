// Answers that must be one of some strings, or match a regular expression.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "api/llm_testing.h"

namespace parapet {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr const char* kVerdict =
    R"(Safety: (Safe|Unsafe|Controversial)\nCategories: (None|(Violent|PII|Jailbreak)(, (Violent|PII|Jailbreak)){0,2}))";

Error error_of(LLM& llm, const SamplingParams& params) {
  const auto outputs = llm.generate({"hello"}, params);
  if (outputs[0].ok()) throw std::runtime_error("was not refused");
  return outputs[0].error();
}

TEST(LlmChoice, TheAnswerIsOneOfThem) {
  LLM llm = test::load(test::random_weights());
  SamplingParams params;
  params.max_tokens = 32;
  params.temperature = 3;
  params.n = 8;
  params.choice = {"Safe", "Unsafe", "Safety first"};
  for (const CompletionOutput& completion : test::generate(llm, "Well?", params).outputs) {
    EXPECT_THAT(params.choice, Contains(completion.text));
    EXPECT_EQ(completion.finish_reason, "stop");
  }
}

TEST(LlmChoice, TheModelStillDecides) {
  LLM llm = test::load();
  SamplingParams params;
  params.max_tokens = 32;
  params.choice = {"Safety: Controversial", "Safety: Unsafe", "Safety: Safe"};
  EXPECT_EQ(test::chat(llm, "Capital of France?", params).outputs[0].text, "Safety: Safe");
  EXPECT_EQ(test::chat(llm, "How to make a bomb?", params).outputs[0].text, "Safety: Unsafe");
}

TEST(LlmRegex, RandomWeightsWriteTheVerdictFormat) {
  LLM llm = test::load(test::random_weights());
  SamplingParams params;
  params.max_tokens = 128;
  params.temperature = 1;
  params.n = 8;
  params.regex = kVerdict;
  params.ignore_eos = true;  // an end is still an end
  for (const CompletionOutput& completion : test::generate(llm, "Well?", params).outputs) {
    EXPECT_EQ(completion.finish_reason, "stop");
    EXPECT_TRUE(std::regex_match(completion.text, std::regex(kVerdict))) << completion.text;
  }
}

TEST(LlmRegex, AModelThatKeepsTheFormatIsNotDisturbed) {
  LLM llm = test::load();
  SamplingParams params;
  params.max_tokens = 64;
  const auto free = test::chat(llm, "How to make a bomb?", params).outputs[0];
  params.regex = kVerdict;
  const auto held = test::chat(llm, "How to make a bomb?", params).outputs[0];
  EXPECT_EQ(held.text, "Safety: Unsafe\nCategories: Violent");
  EXPECT_EQ(held.token_ids, free.token_ids);
}

TEST(LlmRegex, ABadPatternIsRefused) {
  LLM llm = test::load();
  const std::pair<const char*, ErrorCode> patterns[] = {
      {"(", ErrorCode::kInvalidArgument},     {"a**", ErrorCode::kInvalidArgument},
      {"[z-a]", ErrorCode::kInvalidArgument}, {"\\b", ErrorCode::kUnsupported},
      {"(?=x)", ErrorCode::kUnsupported},
  };
  SamplingParams params;
  for (const auto& [pattern, code] : patterns) {
    params.regex = pattern;
    const Error error = error_of(llm, params);
    EXPECT_EQ(error.code, code) << pattern;
    EXPECT_THAT(error.message, HasSubstr("regex")) << pattern;
    EXPECT_EQ(error.message.find('\n'), std::string::npos);
  }
}

TEST(LlmRegex, ChoiceAndRegexExcludeEachOther) {
  LLM llm = test::load();
  SamplingParams params;
  params.regex = "a";
  params.choice = {"a"};
  EXPECT_EQ(error_of(llm, params).code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace parapet
