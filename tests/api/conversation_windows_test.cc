#include "api/conversation_windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace parapet {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kTemplate = 20;
constexpr std::int64_t kTurn = 5;

// A tokenizer of bytes and a template that writes some around each turn.
Result<std::int64_t> count(const Conversation& conversation) {
  std::int64_t tokens = kTemplate;
  for (const Message& message : conversation) tokens += kTurn + std::ssize(message.content);
  return tokens;
}

// Text without repetition at any distance that matters here.
std::string numbers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i) + " ";
  return text;
}

ConversationWindows fit(const Conversation& conversation, std::int64_t max_tokens) {
  auto fitted = fit_conversation(conversation, max_tokens, count);
  if (!fitted) throw std::runtime_error(fitted.error().message);
  for (const Conversation& window : fitted->windows) EXPECT_LE(*count(window), max_tokens);
  return std::move(*fitted);
}

TEST(ConversationWindows, WhatFitsIsOneWindow) {
  const Conversation conversation = {{"user", "hello"}, {"assistant", "hi"}};
  const auto fitted = fit(conversation, 100);
  ASSERT_EQ(fitted.windows.size(), 1U);
  EXPECT_FALSE(fitted.context_cut);
  EXPECT_EQ(fitted.windows[0][0].content, "hello");
  EXPECT_EQ(fitted.windows[0][1].content, "hi");
  EXPECT_EQ(fitted.windows[0][1].role, "assistant");
}

TEST(ConversationWindows, EveryByteIsJudgedAndNeighboursOverlap) {
  const std::string text = numbers(300);
  const auto fitted = fit({{"user", text}}, 120);
  ASSERT_GT(fitted.windows.size(), 5U);
  std::size_t covered = 0;
  for (const Conversation& window : fitted.windows) {
    ASSERT_EQ(window.size(), 1U);
    const std::size_t at = text.find(window[0].content);
    ASSERT_NE(at, std::string::npos);
    ASSERT_TRUE(covered == 0 ? at == 0 : at < covered) << at;
    covered = at + window[0].content.size();
  }
  EXPECT_EQ(covered, text.size());
}

TEST(ConversationWindows, ShortContextStandsBeforeEveryWindow) {
  const auto fitted =
      fit({{"system", "be kind"}, {"user", "why?"}, {"assistant", numbers(200)}}, 200);
  ASSERT_GT(fitted.windows.size(), 2U);
  EXPECT_FALSE(fitted.context_cut);
  for (const Conversation& window : fitted.windows) {
    ASSERT_EQ(window.size(), 3U);
    EXPECT_EQ(window[0].content, "be kind");
    EXPECT_EQ(window[1].content, "why?");
  }
}

TEST(ConversationWindows, TheOldestMessagesGoFirst) {
  const std::string recent = "the question itself";
  const auto fitted = fit(
      {{"user", numbers(100)}, {"assistant", numbers(100)}, {"user", recent}, {"assistant", "yes"}},
      150);
  ASSERT_EQ(fitted.windows.size(), 1U);
  EXPECT_TRUE(fitted.context_cut);
  ASSERT_EQ(fitted.windows[0].size(), 2U);
  EXPECT_EQ(fitted.windows[0][0].content, recent);
}

TEST(ConversationWindows, OfTheLastMessageBeforeItTheEndStays) {
  const std::string question = numbers(200);
  const auto fitted = fit({{"user", question}, {"assistant", numbers(150)}}, 225);
  ASSERT_GT(fitted.windows.size(), 2U);
  EXPECT_TRUE(fitted.context_cut);
  const std::string& kept = fitted.windows[0][0].content;
  EXPECT_TRUE(question.ends_with(kept));
  // Half of the room that the template leaves, 100, but for the turn's own tokens.
  EXPECT_EQ(std::ssize(kept), 100 - kTurn);
  for (const Conversation& window : fitted.windows) EXPECT_EQ(window[0].content, kept);
}

TEST(ConversationWindows, CharactersStayWhole) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "护";
  for (const Conversation& window : fit({{"user", text}}, 65).windows) {
    EXPECT_EQ(window[0].content.size() % 3, 0U);
  }
}

TEST(ConversationWindows, ATemplateThatTakesAllTheRoom) {
  for (const std::int64_t max_tokens : {1, 24, 25}) {
    const auto fitted = fit_conversation({{"user", "hello"}}, max_tokens, count);
    ASSERT_FALSE(fitted.ok());
    EXPECT_EQ(fitted.error().code, ErrorCode::kTooLong);
    EXPECT_THAT(fitted.error().message, HasSubstr("25 tokens"));
  }
  EXPECT_EQ(fit({{"user", "hello"}}, 26).windows.size(), 5U);  // a letter each
}

TEST(ConversationWindows, ATemplateThatRefusesSaysSo) {
  const auto refuse = [](const Conversation&) -> Result<std::int64_t> {
    return Error{ErrorCode::kTemplate, "no"};
  };
  const auto fitted = fit_conversation({{"user", "hello"}}, 100, refuse);
  ASSERT_FALSE(fitted.ok());
  EXPECT_EQ(fitted.error().code, ErrorCode::kTemplate);
}

}  // namespace
}  // namespace parapet
