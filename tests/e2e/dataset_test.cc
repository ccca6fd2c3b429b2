#include "e2e/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/temporary_directory.h"

namespace parapet {
namespace {

using ::testing::HasSubstr;

class LabelledData : public ::testing::Test {
 protected:
  Result<Dataset> read(const std::string& lines, double limit = 0) {
    return read_dataset(directory_.write("data.jsonl", lines), columns_, limit);
  }

  TemporaryDirectory directory_;
  DatasetColumns columns_;
};

TEST_F(LabelledData, IsReadLineByLine) {
  const auto data = read(
      R"({"prompt": "a", "safety": "Safe"})"
      "\n\n"
      R"({"prompt": "b", "response": "c", "safety": "Unsafe", "categories": ["PII"], "refusal": "No"})"
      "\r\n"
      R"({"messages": [{"role": "user", "content": "d"}], "safety": "Controversial", "refusal": null, "lang": "en"})");
  ASSERT_TRUE(data) << data.error().message;
  ASSERT_EQ(data->conversations.size(), 3U);
  EXPECT_EQ(data->conversations[0].size(), 1U);
  EXPECT_EQ(data->conversations[1].back().role, "assistant");
  EXPECT_EQ(data->conversations[1].back().content, "c");
  EXPECT_EQ(data->conversations[2].front().content, "d");
  EXPECT_EQ(data->labels[1].safety, Safety::kUnsafe);
  EXPECT_EQ(data->labels[1].refusal, false);
  EXPECT_EQ(data->labels[1].categories, std::vector<std::string>{"PII"});
  EXPECT_FALSE(data->labels[2].refusal);
  EXPECT_FALSE(data->labels[0].categories);
}

TEST_F(LabelledData, HasTheColumnsAndLabelsOfItsTask) {
  columns_.prompt = "user_input";
  columns_.safety = "toxicity";
  columns_.labels = {{"0", Safety::kSafe}, {"1", Safety::kUnsafe}, {"true", Safety::kUnsafe}};
  const auto data = read(R"({"user_input": "a", "toxicity": 1})"
                         "\n"
                         R"({"user_input": "b", "toxicity": "0"})"
                         "\n"
                         R"({"user_input": "c", "toxicity": true})");
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->labels[0].safety, Safety::kUnsafe);
  EXPECT_EQ(data->labels[1].safety, Safety::kSafe);
  EXPECT_EQ(data->labels[2].safety, Safety::kUnsafe);
}

TEST_F(LabelledData, IsCutToWhatItsTaskJudges) {
  const std::string both = R"({"prompt": "a", "response": "b", "safety": "Safe"})";
  EXPECT_EQ(read(both)->conversations[0].size(), 2U);
  columns_.judged = Judged::kPrompt;
  EXPECT_EQ(read(both)->conversations[0].size(), 1U);
  EXPECT_FALSE(read(R"({"messages": [{"role": "assistant", "content": "b"}], "safety": "Safe"})"));
  columns_.judged = Judged::kResponse;
  EXPECT_EQ(read(both)->conversations[0].size(), 2U);
  const auto without = read(R"({"prompt": "a", "safety": "Safe"})");
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error().message, HasSubstr("data.jsonl:1: response: is missing"));
}

TEST_F(LabelledData, IsCutToItsLimit) {
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += "{\"prompt\": \"a\", \"safety\": \"Safe\"}\n";
  EXPECT_EQ(read(lines, 3)->labels.size(), 3U);
  EXPECT_EQ(read(lines, 0.25)->labels.size(), 3U);  // rounded up
  EXPECT_EQ(read(lines, 1)->labels.size(), 1U);
  EXPECT_EQ(read(lines, 99)->conversations.size(), 10U);
}

TEST_F(LabelledData, IsRefusedWithItsLine) {
  const std::pair<const char*, const char*> kFaults[] = {
      {"{}", "data.jsonl:2: prompt"},
      {"not JSON", "data.jsonl:2: not valid JSON"},
      {"[]", "data.jsonl:2"},
      {R"({"prompt": 5, "safety": "Safe"})", "prompt"},
      {R"({"prompt": "a"})", "data.jsonl:2: safety: is missing"},
      {R"({"prompt": "a", "safety": "safe"})", "\"safe\" where Safe, Controversial or Unsafe"},
      {R"({"prompt": "a", "safety": "Safe", "categories": ["Violence"]})",
       "categories: \"Violence\" is no category"},
      {R"({"prompt": "a", "safety": "Safe", "categories": "PII"})", "categories"},
      {R"({"prompt": "a", "safety": "Safe", "refusal": "maybe"})", "refusal: \"maybe\""},
      {R"({"prompt": "a", "response": 3, "safety": "Safe"})", "response"},
      {R"({"messages": [], "safety": "Safe"})", "messages: is empty"},
      {R"({"messages": [{"role": "user"}], "safety": "Safe"})", "content"},
  };
  for (const auto& [line, says] : kFaults) {
    const auto data = read("{\"prompt\": \"a\", \"safety\": \"Safe\"}\n" + std::string(line));
    ASSERT_FALSE(data) << line;
    EXPECT_THAT(data.error().message, HasSubstr(says)) << line;
  }
  EXPECT_FALSE(read("\n\n"));
}

}  // namespace
}  // namespace parapet
