#include "e2e/lm_eval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "e2e/child_process.h"
#include "e2e/waiting.h"
#include "support/temporary_directory.h"

namespace parapet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

E2eConfig config_of(std::initializer_list<const char*> tasks) {
  E2eConfig config;
  config.engine.max_model_len = 2048;
  for (const char* task : tasks) config.tasks.emplace_back().name = task;
  return config;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

TEST(LmEvalCommand, AsksChatsWithATemplateAndCompletionsWithout) {
  E2eConfig config = config_of({"gsm8k", "other"});
  config.num_fewshot = 5;
  config.limit = 100;
  const std::string chat = joined(lm_eval_command(
      "lm_eval", config, {.url = "http://host:8000/v1/", .model = "m", .api_key = "key"}, "out"));
  EXPECT_THAT(chat,
              HasSubstr("lm_eval --model local-chat-completions --model_args model=m,base_url="
                        "http://host:8000/v1/chat/completions,"));
  EXPECT_THAT(chat, HasSubstr("--tasks gsm8k,other --num_fewshot 5 --batch_size 1 "));
  EXPECT_THAT(chat, HasSubstr("--limit 100 --apply_chat_template --fewshot_as_multiturn "));
  EXPECT_THAT(chat, Not(HasSubstr("key")));  // it stands in the environment

  config.apply_chat_template = false;
  config.fewshot_as_multiturn = false;
  config.limit = 0.5;
  config.include_path = "tasks";
  const std::string plain = joined(
      lm_eval_command("lm_eval", config, {.url = "http://h", .model = "m", .api_key = {}}, "out"));
  EXPECT_THAT(plain, HasSubstr("local-completions --model_args model=m,base_url=http://h/v1/"
                               "completions,num_concurrent=8,max_retries=1,max_length=2048,"
                               "tokenizer_backend=remote "));
  EXPECT_THAT(plain, HasSubstr("--limit 0.5"));
  EXPECT_THAT(plain, HasSubstr("--include_path tasks"));
  EXPECT_THAT(plain, Not(HasSubstr("template")));
}

// In the shape that lm-evaluation-harness 0.4 writes, NaN included.
constexpr const char* kResults = R"({
  "results": {"gsm8k": {"alias": "gsm8k", "exact_match,strict-match": 0.77,
                        "exact_match_stderr,strict-match": 0.01,
                        "exact_match,flexible-extract": 0.6,
                        "exact_match_stderr,flexible-extract": NaN},
              "wiki": {"word_perplexity,none": 9.0, "word_perplexity_stderr,none": "N/A"}},
  "higher_is_better": {"gsm8k": {"exact_match": true}, "wiki": {"word_perplexity": false}},
  "n-samples": {"gsm8k": {"original": 1319, "effective": 100}}})";

E2eRow row_of(const char* task, const char* metric, double expected) {
  const auto row = read_lm_eval_row(
      kResults, task, {.name = metric, .expected = expected, .rtol = 0.05, .of_guard = {}});
  EXPECT_TRUE(row) << row.error().message;
  return *row;
}

TEST(LmEvalResults, AreReadWithTheirDirection) {
  const E2eRow strict = row_of("gsm8k", "exact_match,strict-match", 0.765);
  EXPECT_EQ(strict.value, 0.77);
  EXPECT_EQ(strict.standard_error, 0.01);
  EXPECT_EQ(strict.count, 100);
  EXPECT_TRUE(strict.passed);
  const E2eRow flexible = row_of("gsm8k", "exact_match,flexible-extract", 0.81);
  EXPECT_FALSE(flexible.standard_error);
  EXPECT_FALSE(flexible.passed);
  EXPECT_TRUE(row_of("gsm8k", "exact_match,strict-match", 0.3).passed);  // far better
  EXPECT_TRUE(row_of("wiki", "word_perplexity", 20).passed);             // lower is better
  EXPECT_TRUE(row_of("wiki", "word_perplexity,none", 8.6).passed);
  EXPECT_FALSE(row_of("wiki", "word_perplexity,none", 8.5).passed);
}

TEST(LmEvalResults, WithoutTheTaskOrMetricAreRefusedWithWhatThereIs) {
  const auto read = [](const char* json, const char* task, const char* metric) {
    return read_lm_eval_row(json, task, {.name = metric, .expected = 1, .rtol = 0, .of_guard = {}});
  };
  EXPECT_THAT(read(kResults, "mmlu", "acc").error().message, HasSubstr("mmlu"));
  EXPECT_THAT(read(kResults, "gsm8k", "acc,none").error().message,
              HasSubstr("it has exact_match,flexible-extract, exact_match,strict-match"));
  EXPECT_FALSE(read("no JSON", "a", "b"));
  EXPECT_FALSE(read("{}", "a", "b"));
}

TEST(ChildProcess, TellsItsStatusAndOutput) {
  const TemporaryDirectory directory;
  const auto log = directory.path() / "log";
  auto process = ChildProcess::start({.command = {"sh", "-c", "echo $WORD; echo last >&2; exit 3"},
                                      .environment = {{"WORD", "first"}},
                                      .output = log});
  ASSERT_TRUE(process) << process.error().message;
  EXPECT_EQ(wait_for_end(*process, "waiting", {}), 3);
  EXPECT_EQ(last_line(log), "last");
  const auto none =
      ChildProcess::start({.command = {"no-such-program-here"}, .environment = {}, .output = log});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
}

TEST(ChildProcess, IsEndedWithItsOwner) {
  const TemporaryDirectory directory;
  auto process = ChildProcess::start(
      {.command = {"sleep", "600"}, .environment = {}, .output = directory.path() / "log"});
  ASSERT_TRUE(process);
  EXPECT_FALSE(process->exit_status());
}  // the test's time limit is shorter

}  // namespace
}  // namespace parapet
