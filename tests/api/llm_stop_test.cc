// Stop strings, and answers piece by piece.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "api/llm_testing.h"

namespace parapet {
namespace {

constexpr const char* kPrompt = "Capital of France?";  // answer: "Safety: Safe\nCategories: None"

SamplingParams stop_at(std::vector<std::string> stop) {
  SamplingParams params;
  params.max_tokens = 32;
  params.stop = std::move(stop);
  return params;
}

// Well-formed UTF-8, as far as lead bytes and their numbers of continuation bytes go.
bool whole_characters(std::string_view text) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC0 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                                           : 4;
    if (size == 0 || size > text.size()) return false;
    for (std::size_t i = 1; i < size; ++i) {
      if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return false;
    }
    text.remove_prefix(size);
  }
  return true;
}

TEST(LlmStop, TheTextEndsBeforeTheStopString) {
  LLM llm = test::load();
  const auto completion = test::chat(llm, kPrompt, stop_at({"ego"})).outputs[0];
  EXPECT_EQ(completion.text, "Safety: Safe\nCat");
  EXPECT_EQ(completion.finish_reason, "stop");
  EXPECT_EQ(completion.stop_string, "ego");
  EXPECT_FALSE(completion.stop_token.has_value());
}

TEST(LlmStop, AStopStringMayLieAcrossTokens) {
  LLM llm = test::load();
  const std::string stop = "afe\nCat";
  const auto free = test::chat(llm, kPrompt, stop_at({})).outputs[0];
  for (const TokenId id : free.token_ids) {
    ASSERT_EQ(llm.tokenizer().decode({id}).find(stop), std::string::npos);
  }
  SamplingParams params = stop_at({stop});
  EXPECT_EQ(test::chat(llm, kPrompt, params).outputs[0].text, "Safety: S");
  params.include_stop_str_in_output = true;
  EXPECT_EQ(test::chat(llm, kPrompt, params).outputs[0].text, "Safety: Safe\nCat");
}

TEST(LlmStop, TheFirstStopStringInTheTextCounts) {
  LLM llm = test::load();
  const auto completion = test::chat(llm, kPrompt, stop_at({"None", "\n", "nowhere"})).outputs[0];
  EXPECT_EQ(completion.text, "Safety: Safe");
  EXPECT_EQ(completion.stop_string, "\n");
}

TEST(LlmStop, MinTokensComeFirst) {
  LLM llm = test::load();
  SamplingParams params = stop_at({"Safe"});
  params.min_tokens = 3;
  ASSERT_EQ(test::chat(llm, kPrompt, stop_at({"Safe"})).outputs[0].text, "");
  EXPECT_GE(test::chat(llm, kPrompt, params).outputs[0].token_ids.size(), 3U);
}

TEST(LlmStop, DeltasNeverShowAStopString) {
  LLM llm = test::load();
  for (const char* stop : {"ego", "afe\nCat", "\nCategories: None", "Safe\nX", "y: "}) {
    const test::Streamed streamed = test::stream_chat(llm, kPrompt, stop_at({stop}));
    ASSERT_TRUE(streamed.output.ok());
    EXPECT_EQ(streamed.text(), streamed.output->outputs[0].text) << stop;
    EXPECT_EQ(streamed.text().find(stop), std::string::npos);
  }
}

TEST(LlmStream, DeltasAreTheAnswerInPieces) {
  LLM llm = test::load();
  const test::Streamed streamed = test::stream_chat(llm, kPrompt, stop_at({}));
  ASSERT_TRUE(streamed.output.ok());
  EXPECT_EQ(streamed.text(), "Safety: Safe\nCategories: None");
  EXPECT_GT(streamed.deltas.size(), 3U);
  std::vector<TokenId> ids;
  for (const OutputDelta& delta : streamed.deltas) {
    ids.insert(ids.end(), delta.token_ids.begin(), delta.token_ids.end());
  }
  EXPECT_EQ(ids, streamed.output->outputs[0].token_ids);
}

// Byte-level tokens of this text end inside characters.
TEST(LlmStream, ACharacterIsNeverCut) {
  LLM llm = test::load();
  SamplingParams params;
  params.max_tokens = 64;
  params.choice = {"护栏🛡️是一个推理引擎，ñandú"};
  const test::Streamed streamed = test::stream_chat(llm, kPrompt, params);
  ASSERT_TRUE(streamed.output.ok()) << streamed.output.error().message;
  EXPECT_EQ(streamed.text(), params.choice[0]);
  EXPECT_TRUE(std::ranges::any_of(streamed.output->outputs[0].token_ids, [&](TokenId id) {
    return llm.tokenizer().decode({id}).find("\uFFFD") != std::string::npos;
  }));
  for (const OutputDelta& delta : streamed.deltas) {
    EXPECT_TRUE(whole_characters(delta.text)) << delta.text;
  }
}

TEST(LlmStream, EachOfManyAnswersHasItsOwnDeltas) {
  LLM llm = test::load(test::random_weights());
  SamplingParams params = test::tokens(40);
  params.temperature = 2;
  params.n = 4;
  params.stop = {"never\x01written"};  // so that text is held back
  const test::Streamed streamed = test::stream_chat(llm, kPrompt, params);
  ASSERT_TRUE(streamed.output.ok());
  for (std::int64_t i = 0; i < params.n; ++i) {
    EXPECT_EQ(streamed.text(i), streamed.output->outputs[static_cast<std::size_t>(i)].text);
  }
  for (const OutputDelta& delta : streamed.deltas) EXPECT_TRUE(whole_characters(delta.text));
}

}  // namespace
}  // namespace parapet
