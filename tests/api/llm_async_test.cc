// Many callers, and requests that end before their answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "api/llm_testing.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;

// Holds the engine's thread inside the first delta of a long request. Callbacks must not do so; it
// makes what happens meanwhile certain.
class HeldRequest {
 public:
  HeldRequest(LLM& llm, std::int64_t num_tokens) {
    handle_ = llm.generate_async(
        "The guard", test::tokens(num_tokens),
        [this](const OutputDelta&) {
          if (std::exchange(begun_, true)) return;
          running_.set_value();
          released_.get_future().wait();
        },
        [this](Result<RequestOutput> output) { answer_.set_value(std::move(output)); });
    running_.get_future().wait();
  }
  void release() { released_.set_value(); }
  const RequestHandle& handle() const { return handle_; }
  Result<RequestOutput> answer() { return answer_.get_future().get(); }

 private:
  RequestHandle handle_;
  bool begun_ = false;
  std::promise<void> running_;
  std::promise<void> released_;
  std::promise<Result<RequestOutput>> answer_;
};

TEST(LlmAsync, IdsAreAnsweredAsTheirTextIs) {
  LLM llm = test::load();
  const auto ids = llm.tokenizer().encode("The guard");
  const auto expected = test::need(llm.generate_from_ids({ids}, test::tokens(12)).at(0));
  std::promise<Result<RequestOutput>> promise;
  std::string streamed;
  std::vector<TokenId> streamed_ids;
  llm.generate_from_ids_async(
      ids, test::tokens(12),
      [&](const OutputDelta& delta) {
        streamed += delta.text;
        streamed_ids.insert(streamed_ids.end(), delta.token_ids.begin(), delta.token_ids.end());
      },
      [&](Result<RequestOutput> output) { promise.set_value(std::move(output)); });
  const auto answer = test::need(promise.get_future().get());
  EXPECT_EQ(answer.prompt_token_ids, ids);
  EXPECT_EQ(answer.outputs[0].token_ids, expected.outputs[0].token_ids);
  EXPECT_EQ(answer.outputs[0].text,
            test::generate(llm, "The guard", test::tokens(12)).outputs[0].text);
  EXPECT_EQ(streamed, answer.outputs[0].text);
  EXPECT_EQ(streamed_ids, answer.outputs[0].token_ids);
}

// What cannot be served is answered before the call returns.
TEST(LlmAsync, WrongIdsAreRefusedAtOnce) {
  LLM llm = test::load();
  const auto vocab_size = static_cast<TokenId>(llm.tokenizer().vocab_size());
  for (const std::vector<TokenId>& ids : {std::vector<TokenId>{}, {-1}, {1, vocab_size * 1000}}) {
    std::promise<Result<RequestOutput>> promise;
    llm.generate_from_ids_async(ids, test::tokens(1), {}, [&](Result<RequestOutput> output) {
      promise.set_value(std::move(output));
    });
    const auto answer = promise.get_future().get();
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument) << answer.error().message;
  }
}

TEST(LlmAsync, CancelEndsARunningRequest) {
  LLM llm = test::load();
  HeldRequest request(llm, 4000);
  request.handle().cancel();
  request.handle().cancel();  // no harm
  request.release();
  const auto answer = request.answer();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  request.handle().cancel();
  EXPECT_EQ(test::generate(llm, "hello", test::tokens(3)).outputs[0].token_ids.size(), 3U);
}

TEST(LlmAsync, CancelEndsAllAnswersOfARequest) {
  LLM llm = test::load();
  SamplingParams params = test::tokens(4000);
  params.n = 5;
  HeldRequest held(llm, 4);
  std::promise<Result<RequestOutput>> answer;
  const auto handle = llm.generate_async("hello", params, {}, [&](Result<RequestOutput> output) {
    answer.set_value(std::move(output));
  });
  handle.cancel();
  held.release();
  const auto output = answer.get_future().get();
  ASSERT_FALSE(output.ok());
  EXPECT_EQ(output.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(held.answer().ok());
}

TEST(LlmAsync, SmallerPriorityIsServedFirst) {
  ModelOptions options = test::bundled();
  options.max_num_seqs = 1;
  LLM llm = test::load(options);
  HeldRequest held(llm, 4);
  std::vector<std::int64_t> order;  // of the engine's thread, until the last has its answer
  std::promise<void> all;
  for (const std::int64_t priority : {5, 1, 3, -2, 1}) {
    SamplingParams params = test::tokens(2);
    params.priority = priority;
    llm.generate_async("hello", params, {}, [&, priority](const Result<RequestOutput>& output) {
      EXPECT_TRUE(output.ok());
      order.push_back(priority);
      if (order.size() == 5) all.set_value();
    });
  }
  held.release();
  all.get_future().wait();
  EXPECT_THAT(order, ElementsAre(-2, 1, 1, 3, 5));
  EXPECT_TRUE(held.answer().ok());
}

TEST(LlmAsync, ADestroyedModelAnswersWhatIsUnderWay) {
  ModelOptions options = test::bundled();
  options.max_num_seqs = 1;
  std::optional<LLM> llm = test::load(options);
  HeldRequest running(*llm, 4000);
  std::vector<ErrorCode> waiting;
  for (int i = 0; i < 3; ++i) {
    llm->generate_async("hello", {}, {}, [&](const Result<RequestOutput>& output) {
      ASSERT_FALSE(output.ok());
      waiting.push_back(output.error().code);
    });
  }
  running.release();
  llm.reset();
  const auto answer = running.answer();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  EXPECT_THAT(waiting,
              ElementsAre(ErrorCode::kCancelled, ErrorCode::kCancelled, ErrorCode::kCancelled));
  running.handle().cancel();  // of a model that is gone
}

TEST(LlmAsync, WhoIsCancelledByTheEndMayAskAgainAndIsTold) {
  std::optional<LLM> llm = test::load();
  SamplingParams params = test::tokens(4000);
  params.choice = {"a second answer"};
  std::optional<ErrorCode> first;
  std::optional<ErrorCode> second;
  HeldRequest held(*llm, 4000);
  llm->generate_async("hello", test::tokens(4000), {}, [&](const Result<RequestOutput>& output) {
    first = output.error().code;
    llm->generate_async("hello", params, {},
                        [&](const Result<RequestOutput>& again) { second = again.error().code; });
  });
  held.release();
  llm.reset();
  EXPECT_EQ(first, ErrorCode::kCancelled);
  EXPECT_EQ(second, ErrorCode::kCancelled);
}

TEST(LlmAsync, ACallbackMayAskForMore) {
  LLM llm = test::load();
  std::promise<Result<RequestOutput>> second;
  llm.generate_async("hello", test::tokens(2), {}, [&](Result<RequestOutput> first) {
    ASSERT_TRUE(first.ok());
    llm.generate_async(first->outputs[0].text + "!", test::tokens(2), {},
                       [&](Result<RequestOutput> output) { second.set_value(std::move(output)); });
  });
  EXPECT_TRUE(second.get_future().get().ok());
}

TEST(LlmAsync, RefusedParamsAreAnsweredAtOnce) {
  LLM llm = test::load();
  SamplingParams params;
  params.n = 0;
  std::optional<Result<RequestOutput>> answer;
  llm.generate_async("hello", params, {},
                     [&](Result<RequestOutput> output) { answer.emplace(std::move(output)); });
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code, ErrorCode::kInvalidArgument);
}

TEST(LlmAsync, ThreadsShareAModelAndGetTheirOwnAnswers) {
  LLM llm = test::load();
  constexpr int kThreads = 4;
  constexpr int kRequests = 6;
  const auto prompt = [](int thread, int i) {
    return "thread " + std::to_string(thread) + " asks " + std::to_string(i);
  };
  std::vector<std::vector<std::vector<TokenId>>> answers(kThreads);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kRequests; ++i) {
        auto output = test::generate(llm, prompt(thread, i), test::tokens(6));
        answers[static_cast<std::size_t>(thread)].push_back(output.outputs[0].token_ids);
        if (i == 3) llm.reset_prefix_cache();
        EXPECT_GE(llm.counters().steps, 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int thread = 0; thread < kThreads; ++thread) {
    for (int i = 0; i < kRequests; ++i) {
      EXPECT_EQ(answers[static_cast<std::size_t>(thread)][static_cast<std::size_t>(i)],
                test::generate(llm, prompt(thread, i), test::tokens(6)).outputs[0].token_ids);
    }
  }
}

}  // namespace
}  // namespace parapet
