#include "engine/async_engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "device/reference/reference_device.h"
#include "engine/engine_fixture.h"
#include "engine/failing_device.h"

namespace parapet::test {
namespace {

using Answer = Result<GenerationOutput>;

class AsyncEngineTest : public testing::Test {
 protected:
  std::future<Answer> submit(AsyncEngine& engine, GenerationRequest request) {
    auto promise = std::make_shared<std::promise<Answer>>();
    engine.submit(std::move(request),
                  [promise](Answer answer) { promise->set_value(std::move(answer)); });
    return promise->get_future();
  }

  GoldenCheckpoint golden_ = golden_checkpoint("mqa5-bf16");
  std::unique_ptr<Device> device_ = create_reference_device();
  std::unique_ptr<AsyncEngine> engine_ =
      std::make_unique<AsyncEngine>(make_engine(*device_, golden_, {.num_kv_blocks = 64}));
};

TEST_F(AsyncEngineTest, AnswersManyThreads) {
  std::atomic<int> num_right = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (const GoldenPrompt& prompt : golden_.prompts) {
        const Answer answer = submit(*engine_, request_for(prompt)).get();
        if (answer && answer->token_ids == prompt.greedy_continuation) ++num_right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(num_right, 4 * std::ssize(golden_.prompts));
}

TEST_F(AsyncEngineTest, RefusalsAreAnswers) {
  const Answer answer = submit(*engine_, GenerationRequest()).get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(AsyncEngineTest, CancelledOrAnsweredButOnce) {
  for (int i = 0; i < 50; ++i) {
    std::atomic<int> num_answers = 0;
    auto promise = std::make_shared<std::promise<Answer>>();
    const RequestId id =
        engine_->submit(request_for(golden_.prompts[1]), [&num_answers, promise](Answer answer) {
          ++num_answers;
          promise->set_value(std::move(answer));
        });
    const auto cancel = engine_->canceller({id});
    if (i % 2 == 0) std::this_thread::yield();
    cancel();
    const Answer answer = promise->get_future().get();
    EXPECT_TRUE(answer || answer.error().code == ErrorCode::kCancelled);
    cancel();
    EXPECT_TRUE(submit(*engine_, request_for(golden_.prompts[0])).get());
    EXPECT_EQ(num_answers, 1);
  }
}

TEST_F(AsyncEngineTest, WhatIsUnderWayIsAnsweredWhenTheEngineGoes) {
  std::vector<std::future<Answer>> answers;
  GenerationRequest request = request_for(golden_.prompts[3]);
  request.max_tokens = 500;
  for (int i = 0; i < 6; ++i) answers.push_back(submit(*engine_, request));
  const auto cancel = engine_->canceller({1});
  engine_.reset();
  for (auto& answer : answers) {
    const Answer result = answer.get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  }
  cancel();  // of an engine that is gone
}

TEST_F(AsyncEngineTest, ALostDeviceFailsWhoIsThereAndAnswersWhoComes) {
  FailingDevice device(2);
  AsyncEngine engine(make_engine(device, golden_, {.num_kv_blocks = 64}));
  for (int i = 0; i < 3; ++i) {
    GenerationRequest request = request_for(golden_.prompts[1]);
    const Answer answer = submit(engine, request).get();
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().message.find("the device is lost"), std::string::npos);
  }
}

}  // namespace
}  // namespace parapet::test
