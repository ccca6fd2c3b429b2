#include "api/answer_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/paths.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;

// Feeds an answer to a writer a token at a time, and keeps what it told.
class AnswerWriterTest : public ::testing::Test {
 protected:
  static Tokenizer load() {
    auto tokenizer = Tokenizer::load(test::bundled_model());
    if (!tokenizer) throw std::runtime_error(tokenizer.error().message);
    return std::move(*tokenizer);
  }

  // One token each.
  std::vector<TokenId> ids_of(const std::vector<std::string>& pieces) {
    std::vector<TokenId> ids;
    for (const std::string& piece : pieces) {
      const auto encoded = tokenizer_.encode(piece, Origin::kMessage);
      if (encoded.size() != 1) throw std::runtime_error("'" + piece + "' is not one token");
      ids.push_back(encoded[0]);
    }
    return ids;
  }

  AnswerWriter write(const std::vector<TokenId>& ids) {
    AnswerWriter writer(tokenizer_, params_, 0, [this](const OutputDelta& delta) {
      told_.push_back(delta.text);
      told_text_ += delta.text;
      told_ids_.insert(told_ids_.end(), delta.token_ids.begin(), delta.token_ids.end());
    });
    std::size_t count = 0;
    while (count < ids.size() && !writer.read(std::span(ids).first(count + 1))) ++count;
    stopped_after_ = count + 1;
    writer.finish();
    EXPECT_EQ(told_text_, writer.text());
    return writer;
  }

  Tokenizer tokenizer_ = load();
  SamplingParams params_;
  std::vector<std::string> told_;
  std::string told_text_;
  std::vector<TokenId> told_ids_;
  std::size_t stopped_after_ = 0;
};

TEST_F(AnswerWriterTest, WithoutStopStringsEveryTokenIsToldAtOnce) {
  const auto ids = ids_of({"S", "a", "f", "e"});
  const auto writer = write(ids);
  EXPECT_THAT(told_, ElementsAre("S", "a", "f", "e"));
  EXPECT_EQ(told_ids_, ids);
  EXPECT_FALSE(writer.stop_string().has_value());
}

TEST_F(AnswerWriterTest, HoldsBackWhatMayBeginAStopString) {
  params_.stop = {"xyz"};
  write(ids_of({"a", "x", "y", "b"}));
  EXPECT_THAT(told_, ElementsAre("", "", "a", "x", "yb"));
}

TEST_F(AnswerWriterTest, CutsTheStopStringOff) {
  params_.stop = {"xyz"};
  const auto writer = write(ids_of({"a", "x", "y", "z", "b"}));
  EXPECT_EQ(writer.text(), "a");
  EXPECT_EQ(writer.stop_string(), "xyz");
  EXPECT_EQ(stopped_after_, 4U);
  EXPECT_EQ(told_ids_.size(), 4U);
}

TEST_F(AnswerWriterTest, KeepsTheStopStringWhereAsked) {
  params_.stop = {"y"};
  params_.include_stop_str_in_output = true;
  // What the last token wrote behind it is cut off all the same.
  const auto writer = write(ids_of({"x", " you"}));
  EXPECT_EQ(writer.text(), "x y");
}

TEST_F(AnswerWriterTest, OfSeveralTheOneThatBeginsFirstThenTheOneNamedFirst) {
  params_.stop = {"fe", "safe", "saf"};
  const auto writer = write(ids_of({"un", "s", "a", "f", "e"}));
  EXPECT_EQ(writer.text(), "un");
  EXPECT_EQ(writer.stop_string(), "saf");  // complete a token before the others
}

TEST_F(AnswerWriterTest, StopStringsOfTheFirstTokensDoNotCount) {
  params_.min_tokens = 3;
  params_.stop = {"xy"};
  const auto writer = write(ids_of({"a", "x", "y", "b", "x", "y", "c"}));
  EXPECT_EQ(writer.text(), "axyb");
  EXPECT_EQ(stopped_after_, 6U);
}

// A short stop string far inside text that was told because a longer one lets it go.
TEST_F(AnswerWriterTest, WhatWasToldIsNeverTakenBack) {
  params_.min_tokens = 4;
  params_.stop = {"x", "mnop"};
  const auto writer = write(ids_of({"x", "a", "b", "c", "d"}));
  EXPECT_EQ(writer.text(), "xabcd");
  EXPECT_FALSE(writer.stop_string().has_value());
}

TEST_F(AnswerWriterTest, AStopStringMayBeginInTheFirstTokens) {
  params_.min_tokens = 2;
  params_.stop = {"xyz"};
  EXPECT_EQ(write(ids_of({"x", "y", "z"})).text(), "");
}

TEST_F(AnswerWriterTest, CharactersAreToldWhole) {
  params_.stop = {"abc"};  // two bytes are held back: less than one of these characters
  const auto writer = write(tokenizer_.encode("护栏护栏", Origin::kMessage));
  EXPECT_EQ(writer.text(), "护栏护栏");
  for (const std::string& text : told_) EXPECT_EQ(text.size() % 3, 0U) << text;
}

TEST_F(AnswerWriterTest, AnUnfinishedCharacterBecomesAReplacement) {
  auto ids = tokenizer_.encode("🛡", Origin::kMessage);
  ASSERT_GT(ids.size(), 1U);
  ids.pop_back();
  const auto writer = write(ids);
  EXPECT_EQ(writer.text(), "\uFFFD");
}

TEST_F(AnswerWriterTest, SpecialTokensAreNoText) {
  const auto end = tokenizer_.token_id("<|im_end|>");
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(write({*end, *end}).text(), "");
  EXPECT_EQ(told_ids_.size(), 2U);
}

}  // namespace
}  // namespace parapet
