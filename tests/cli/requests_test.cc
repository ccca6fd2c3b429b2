#include "requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace parapet::cli {
namespace {

using ::testing::HasSubstr;

std::vector<Request> read_all(const std::string& text, InputFormat format = InputFormat::kAuto) {
  std::istringstream input(text);
  RequestReader reader(input, format);
  std::vector<Request> requests;
  while (auto request = reader.next()) requests.push_back(std::move(*request));
  return requests;
}

TEST(RequestReader, ReadsPlainLinesAndSkipsEmptyOnes) {
  const auto requests = read_all("first\r\n\n   \nsecond {not json}");
  ASSERT_EQ(requests.size(), 2U);
  ASSERT_TRUE(requests[0].conversation.ok());
  EXPECT_EQ((*requests[0].conversation)[0].role, "user");
  EXPECT_EQ((*requests[0].conversation)[0].content, "first");
  EXPECT_EQ((*requests[1].conversation)[0].content, "second {not json}");
  EXPECT_EQ(requests[1].line, 4);
}

TEST(RequestReader, ReadsJsonLines) {
  const auto requests = read_all(
      R"({"prompt": "p", "response": "r"})"
      "\n"
      R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})"
      "\n"
      R"({"prompt": "only", "response": null})");
  ASSERT_EQ(requests.size(), 3U);
  ASSERT_EQ(requests[0].conversation->size(), 2U);
  EXPECT_EQ((*requests[0].conversation)[1].role, "assistant");
  EXPECT_EQ((*requests[0].conversation)[1].content, "r");
  EXPECT_EQ((*requests[1].conversation)[1].content, "b");
  EXPECT_EQ(requests[2].conversation->size(), 1U);
}

TEST(RequestReader, AWrongLineFailsAloneAndIsNamed) {
  const auto requests =
      read_all("{\"prompt\": \"ok\"}\n{\"prompt\": 3}\n{oops\n{\"prompt\": \"ok\"}");
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_TRUE(requests[0].conversation.ok());
  ASSERT_FALSE(requests[1].conversation.ok());
  EXPECT_THAT(requests[1].conversation.error().message, HasSubstr("line 2: \"prompt\" is number"));
  ASSERT_FALSE(requests[2].conversation.ok());
  EXPECT_THAT(requests[2].conversation.error().message, HasSubstr("line 3: not valid JSON"));
  EXPECT_TRUE(requests[3].conversation.ok());
}

TEST(RequestReader, ALineWithoutEndIsBounded) {
  const std::string endless((std::size_t{16} << 20) + 10, 'a');
  const auto requests = read_all(endless + "\nnext");
  ASSERT_EQ(requests.size(), 2U);
  ASSERT_FALSE(requests[0].conversation.ok());
  EXPECT_THAT(requests[0].conversation.error().message, HasSubstr("line 1: longer than"));
  EXPECT_TRUE(requests[1].conversation.ok());
}

TEST(RequestReader, DeeplyNestedJsonIsAnErrorNotAStackOverflow) {
  const std::string deep =
      "{\"prompt\":" + std::string(100000, '[') + std::string(100000, ']') + "}";
  const auto requests = read_all("{\"prompt\": \"ok\"}\n" + deep);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_FALSE(requests[1].conversation.ok());
}

}  // namespace
}  // namespace parapet::cli
