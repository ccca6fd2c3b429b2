// A scheduler at work, a step at a time.
#pragma once

#include <gtest/gtest.h>

#include <numeric>
#include <utility>
#include <vector>

#include "engine/fake_engine.h"

namespace parapet::test {

using Lengths = std::vector<std::int64_t>;
using Sequences = std::vector<const Sequence*>;

inline EngineLimits small_limits() {
  return {.vocab_size = 1000,
          .max_model_len = 64,
          .max_num_seqs = 3,
          .max_num_batched_tokens = 8,
          .block_size = 4,
          .num_kv_blocks = 8,
          .max_num_requests = 100};
}

// Its prompts are first, first + 1, ...: equal `first`s begin alike, others have nothing in common.
inline GenerationRequest request_of(std::size_t prompt_len, std::int64_t max_tokens,
                                    TokenId first = 1) {
  GenerationRequest request;
  request.prompt.resize(prompt_len);
  std::iota(request.prompt.begin(), request.prompt.end(), first);
  request.max_tokens = max_tokens;
  return request;
}

class SchedulerTest : public testing::Test {
 protected:
  explicit SchedulerTest(const EngineLimits& limits = small_limits())
      : limits_(limits), engine_(limits, /*seed=*/1) {}

  Served& add(GenerationRequest request) {
    auto added = engine_.add(std::move(request));
    EXPECT_TRUE(added) << added.error().message;
    return **added;
  }
  // Of a prompt that no other has a beginning of.
  Served& add(std::size_t prompt_len, std::int64_t max_tokens, std::int64_t priority = 0) {
    GenerationRequest request = request_of(prompt_len, max_tokens, next_first_);
    request.priority = priority;
    next_first_ += static_cast<TokenId>(prompt_len);
    return add(std::move(request));
  }

  Lengths step_lengths() {
    Lengths all;
    for (const ScheduledSequence& each : engine_.step().sequences) all.push_back(each.num_tokens);
    return all;
  }
  Sequences step_sequences() {
    Sequences all;
    for (const ScheduledSequence& each : engine_.step().sequences) all.push_back(each.sequence);
    return all;
  }
  // Until there is nothing left to do. Every answer is that of the request alone.
  void run_to_end() {
    for (int steps = 0; scheduler().has_work(); ++steps) {
      engine_.step();
      ASSERT_LT(steps, 10'000);
    }
    for (const Served& served : engine_.served()) {
      ASSERT_EQ(served.num_answers, 1);
      if (!served.cancelled) {
        ASSERT_EQ(written(served), alone(served));
      }
    }
  }
  std::vector<TokenId> alone(const Served& served) const {
    return engine_.model().answer_alone(served.sequence.request, served.sequence.max_tokens);
  }
  static std::vector<TokenId> written(const Served& served) {
    return {served.sequence.written().begin(), served.sequence.written().end()};
  }
  Scheduler& scheduler() { return engine_.scheduler(); }
  const BlockPool& blocks() { return scheduler().blocks(); }

  EngineLimits limits_;
  FakeEngine engine_;
  TokenId next_first_ = 1;
};

}  // namespace parapet::test
