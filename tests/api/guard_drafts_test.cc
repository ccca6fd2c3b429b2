// A guard's greedy answers through LLM, drafted, against the same written token by token: the same
// to the last bit, in fewer passes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "api/llm_testing.h"
#include "support/heldout.h"
#include "support/temporary_directory.h"

namespace parapet {
namespace {

std::vector<Conversation> some_conversations(std::size_t count) {
  auto conversations = test::heldout_conversations();
  conversations.resize(count);
  return conversations;
}

void expect_same_logprobs(const std::vector<std::vector<Logprob>>& drafted,
                          const std::vector<std::vector<Logprob>>& plain) {
  ASSERT_EQ(drafted.size(), plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    ASSERT_EQ(drafted[i].size(), plain[i].size());
    for (std::size_t k = 0; k < plain[i].size(); ++k) {
      EXPECT_EQ(drafted[i][k].token_id, plain[i][k].token_id);
      EXPECT_EQ(drafted[i][k].logprob, plain[i][k].logprob);
      EXPECT_EQ(drafted[i][k].rank, plain[i][k].rank);
    }
  }
}

void expect_same(const RequestOutput& drafted, const RequestOutput& plain) {
  EXPECT_EQ(drafted.usage.prompt_tokens, plain.usage.prompt_tokens);
  EXPECT_EQ(drafted.usage.completion_tokens, plain.usage.completion_tokens);
  ASSERT_EQ(drafted.outputs.size(), plain.outputs.size());
  for (std::size_t i = 0; i < plain.outputs.size(); ++i) {
    const CompletionOutput& a = drafted.outputs[i];
    const CompletionOutput& b = plain.outputs[i];
    EXPECT_EQ(a.text, b.text);
    EXPECT_EQ(a.token_ids, b.token_ids);
    EXPECT_EQ(a.finish_reason, b.finish_reason);
    EXPECT_EQ(a.stop_string, b.stop_string);
    EXPECT_EQ(a.stop_token, b.stop_token);
    EXPECT_EQ(a.token_logprobs, b.token_logprobs);
    expect_same_logprobs(a.logprobs, b.logprobs);
  }
}

std::vector<RequestOutput> chat(LLM& llm, const std::vector<Conversation>& conversations,
                                const SamplingParams& params) {
  std::vector<RequestOutput> outputs;
  for (auto& output : llm.chat(conversations, params)) {
    outputs.push_back(test::need(std::move(output)));
  }
  return outputs;
}

// Returns the drafted answers.
std::vector<RequestOutput> expect_same(LLM& llm, const std::vector<Conversation>& conversations,
                                       SamplingParams params) {
  const auto drafted = chat(llm, conversations, params);
  params.plain_decoding = true;
  const auto plain = chat(llm, conversations, params);
  for (std::size_t i = 0; i < plain.size(); ++i) expect_same(drafted[i], plain[i]);
  return drafted;
}

SamplingParams greedy(std::int64_t max_tokens = 128) {
  SamplingParams params;
  params.max_tokens = max_tokens;
  return params;
}

TEST(GuardDrafts, AVerdictTakesOnePassOrTwoMoreForEachCategory) {
  LLM llm = test::load();
  const auto conversations = some_conversations(48);
  expect_same(llm, conversations, greedy());
  std::size_t num_in_one_pass = 0;
  // Now that prompts are cached, none is cut by the end of a step, which would cost passes too.
  for (const RequestOutput& output : chat(llm, conversations, greedy())) {
    const CompletionOutput& answer = output.outputs[0];
    const bool safe = answer.text.starts_with("Safety: Safe");
    EXPECT_LE(answer.num_passes, safe ? 1 : 3 + 2 * std::ranges::count(answer.text, ','));
    num_in_one_pass += answer.num_passes == 1 ? 1 : 0;
  }
  EXPECT_GT(num_in_one_pass, 10U);
  const EngineCounters counters = llm.counters();
  EXPECT_GT(counters.drafts, 2 * 48);
  EXPECT_GT(counters.accepted_draft_tokens, 2 * 48 * 5);
  EXPECT_GT(counters.draft_tokens, counters.accepted_draft_tokens);
  const auto& by_position = counters.accepted_by_position;
  EXPECT_EQ(std::accumulate(by_position.begin(), by_position.end(), std::int64_t{0}),
            counters.accepted_draft_tokens);
  EXPECT_TRUE(std::ranges::is_sorted(by_position, std::greater()));
  EXPECT_LE(by_position.front(), counters.drafts);
}

// Small steps that cut prompts and drafts apart, blocks of odd sizes, a cold cache, preemption.
TEST(GuardDrafts, HoldInEveryShapeOfStep) {
  const auto conversations = some_conversations(8);
  for (const auto& change : std::vector<std::function<void(ModelOptions&)>>{
           [](ModelOptions& o) { o.max_num_batched_tokens = 37, o.max_num_seqs = 5; },
           [](ModelOptions& o) { o.enable_prefix_caching = false, o.block_size = 7; },
           [](ModelOptions& o) { o.max_model_len = 512, o.kv_cache_memory = 3 << 20; },
           [](ModelOptions& o) { o.kv_cache_dtype = "int8", o.enforce_eager = true; }}) {
    ModelOptions options = test::bundled();
    change(options);
    LLM llm = test::load(options);
    expect_same(llm, conversations, greedy());
  }
}

TEST(GuardDrafts, HoldWhereverAnAnswerIsCut) {
  LLM llm = test::load();
  const auto conversations = some_conversations(8);
  for (const std::int64_t max_tokens : {0, 1, 2, 3, 5, 6, 7, 8, 9, 12}) {
    expect_same(llm, conversations, greedy(max_tokens));
  }
  for (const char* stop : {"afe", "\nCat", "None", " ", ":"}) {
    SamplingParams params = greedy();
    params.stop = {stop};
    expect_same(llm, conversations, params);
    params.include_stop_str_in_output = true;
    expect_same(llm, conversations, params);
  }
  SamplingParams params = greedy();
  params.stop_token_ids = chat(llm, {conversations[0]}, greedy()).at(0).outputs[0].token_ids;
  params.stop_token_ids.erase(params.stop_token_ids.begin(), params.stop_token_ids.begin() + 4);
  expect_same(llm, conversations, params);
  params = greedy(40);
  params.ignore_eos = true;
  expect_same(llm, conversations, params);
}

TEST(GuardDrafts, LogprobsAreTheSameBits) {
  LLM llm = test::load();
  SamplingParams params = greedy();
  params.logprobs = 3;
  params.logprob_token_ids = {7, 11};
  const auto outputs = expect_same(llm, some_conversations(8), params);
  EXPECT_TRUE(std::ranges::any_of(
      outputs, [](const RequestOutput& output) { return output.outputs[0].num_passes == 1; }));
}

// A stream has the same pieces, only sooner.
TEST(GuardDrafts, AreStreamedTokenByToken) {
  LLM llm = test::load();
  SamplingParams params = greedy();
  const auto drafted = test::stream_chat(llm, "How to make a bomb?", params);
  params.plain_decoding = true;
  const auto plain = test::stream_chat(llm, "How to make a bomb?", params);
  ASSERT_EQ(drafted.deltas.size(), plain.deltas.size());
  for (std::size_t i = 0; i < plain.deltas.size(); ++i) {
    EXPECT_EQ(drafted.deltas[i].text, plain.deltas[i].text);
    EXPECT_EQ(drafted.deltas[i].token_ids, plain.deltas[i].token_ids);
  }
}

// What is not plain greedy is not drafted, and the same as ever.
TEST(GuardDrafts, OtherAnswersAreWrittenAsEver) {
  LLM llm = test::load();
  const auto conversations = some_conversations(6);
  std::vector<SamplingParams> all(4, greedy(24));
  all[0].temperature = 1.0;
  all[1].presence_penalty = 0.5;
  all[2].choice = {"Safety: Safe", "Safety: Unsafe"};
  all[3].min_tokens = 20;
  for (const SamplingParams& params : all) {
    for (const RequestOutput& output : expect_same(llm, conversations, params)) {
      EXPECT_EQ(output.outputs[0].num_passes, output.usage.completion_tokens);
    }
  }
}

// Models that know nothing of the format.
TEST(GuardDrafts, RandomModelsWriteWhatTheyWouldHaveWritten) {
  for (const std::uint64_t seed : {1, 2}) {
    ModelOptions options = test::random_weights();
    options.seed = seed;
    LLM llm = test::load(options);
    expect_same(llm, some_conversations(8), greedy(24));
  }
}

TEST(GuardDrafts, PromptsThatAskForNoVerdictHaveNone) {
  LLM llm = test::load();
  (void)test::generate(llm, "The guard says", greedy(8));
  EXPECT_EQ(llm.counters().drafts, 0);

  const TemporaryDirectory folder;  // the same model, asked otherwise
  for (const auto& file : std::filesystem::directory_iterator(test::bundled_model())) {
    std::filesystem::copy_file(file.path(), folder.path() / file.path().filename());
  }
  std::ofstream(folder.path() / "chat_template.jinja")
      << "<|im_start|>Is it Safe or Unsafe? {% for m in messages %}{{ m.content }}{% endfor %}";
  ModelOptions options;
  options.model = folder.path();
  LLM other = test::load(options);
  (void)test::chat(other, "Capital of France?", greedy(8));
  EXPECT_EQ(other.counters().drafts, 0);
}

// Tenants share the policy and nothing else, as with verdicts.
TEST(GuardDrafts, ThePolicyIsSharedAcrossSalts) {
  LLM llm = test::load();
  SamplingParams params = greedy();
  const auto cached = [&](const char* salt, const char* prompt) {
    params.cache_salt = salt;
    return test::chat(llm, prompt, params).usage.cached_tokens;
  };
  EXPECT_EQ(cached("a", "Capital of France?"), 0);
  const std::int64_t policy = cached("b", "怎样做饼干");
  EXPECT_GT(policy, 150);
  EXPECT_EQ(cached("c", "怎样做饼干"), policy);
  EXPECT_GT(cached("b", "怎样做饼干"), policy);
}

}  // namespace
}  // namespace parapet
