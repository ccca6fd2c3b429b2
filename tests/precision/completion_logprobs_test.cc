#include "precision/completion_logprobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace parapet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As vLLM and Parapet answer; choices may come in any order.
TEST(ReadCompletions, ListsWithTokenIds) {
  const auto read = read_completions("URL", R"({"choices": [
      {"index": 1, "logprobs": {"tokens": ["token_id:9"], "top_logprobs": [{"token_id:9": -0.5}]}},
      {"index": 0, "logprobs": {
          "tokens": ["token_id:5", "token_id:6"], "token_logprobs": [-0.25, -1],
          "top_logprobs": [{"token_id:5": -0.25, "token_id:7": -2}, {"token_id:6": -1}]}}]})",
                                     2);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2U);
  EXPECT_THAT((*read)[0].ids, ElementsAre(5, 6));
  EXPECT_THAT((*read)[0].told[0].ids, ElementsAre(5, 7));
  EXPECT_THAT((*read)[0].told[0].logprobs, ElementsAre(-0.25F, -2.0F));
  EXPECT_THAT((*read)[1].ids, ElementsAre(9));
}

TEST(ReadCompletions, LlamaCpp) {
  const auto read = read_completions("URL", R"({"choices": [{"index": 0, "text": "x", "logprobs":
      {"content": [{"id": 5, "token": "x", "bytes": [120], "logprob": -0.25, "top_logprobs": [
          {"id": 5, "token": "x", "bytes": [120], "logprob": -0.25},
          {"id": 7, "token": "y", "bytes": [121], "logprob": -2.0}]}]}}]})",
                                     1);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT((*read)[0].ids, ElementsAre(5));
  EXPECT_THAT((*read)[0].told[0].ids, ElementsAre(5, 7));
}

// As good as impossible tokens are told by a number that means nothing else.
TEST(ReadCompletions, LeavesOutWhatTellsNothing) {
  const auto lists = read_completions("URL", R"({"choices": [{"index": 0, "logprobs": {
      "tokens": ["token_id:5"],
      "top_logprobs": [{"token_id:5": 0, "token_id:6": -120.5, "token_id:7": -9999}]}}]})",
                                      1);
  ASSERT_TRUE(lists) << lists.error().message;
  EXPECT_THAT((*lists)[0].told[0].ids, ElementsAre(5, 6));
  const auto content = read_completions("URL", R"({"choices": [{"index": 0, "logprobs": {
      "content": [{"id": 5, "logprob": 0, "top_logprobs": [
          {"id": 5, "logprob": 0}, {"id": 6, "logprob": -87}, {"id": 7, "logprob": -95.1},
          {"id": 8, "logprob": -3.4028234663852886e38}]}]}}]})",
                                        1);
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_THAT((*content)[0].told[0].ids, ElementsAre(5, 6));
}

TEST(ReadCompletions, WhatCannotBeComparedIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"choices": [{"index": 0, "logprobs": null}]})", "no log-probabilities"},
      {R"({"choices": [{"index": 0, "logprobs": {"tokens": ["the"], "top_logprobs": [{}]}}]})",
       "not by its id"},
      {R"({"choices": [{"index": 0, "logprobs": {"tokens": ["token_id:"], "top_logprobs": [{}]}}]})",
       "not by its id"},
      {R"({"choices": [{"index": 0, "logprobs": {"tokens": ["token_id:-1"],
           "top_logprobs": [{"token_id:-1": 0}]}}]})",
       "token id -1"},
      {R"({"choices": [{"index": 0, "logprobs": {"tokens": ["token_id:1"], "top_logprobs": []}}]})",
       "different lengths"},
      {R"({"choices": [{"index": 0, "logprobs": {"tokens": ["token_id:1"],
           "top_logprobs": [{"token_id:1": -1, "token_id:01": -1}]}}]})",
       "told twice"},
      {R"({"choices": [{"index": 3, "logprobs": {"content": []}}]})", "index 3"},
      {R"({"choices": []})", "no choice"},
      {R"({"choices": 1})", "choices"},
      {"<html>", "URL"}};
  for (const auto& [body, message] : cases) {
    const auto read = read_completions("URL", body, 1);
    ASSERT_FALSE(read) << body;
    EXPECT_THAT(read.error().message, HasSubstr(message));
    EXPECT_THAT(read.error().message, HasSubstr("URL"));
  }
}

}  // namespace
}  // namespace parapet
