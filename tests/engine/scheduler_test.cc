#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <deque>

namespace parapet {
namespace {

constexpr EngineLimits kLimits{.vocab_size = 100,
                               .max_model_len = 64,
                               .max_num_seqs = 3,
                               .max_num_batched_tokens = 8,
                               .block_size = 4,
                               .num_kv_blocks = 8,
                               .kv_cache_dtype = DType::kF32,
                               .max_num_requests = 100};

// Requests and the sequences made of them, at addresses that last.
class SchedulerTest : public testing::Test {
 protected:
  Sequence& add(std::size_t prompt_len, std::int64_t max_tokens) {
    GenerationRequest& request = requests_.emplace_back();
    request.prompt.assign(prompt_len, 1);
    request.max_tokens = max_tokens;
    Sequence& sequence = sequences_.emplace_back(request, max_tokens);
    scheduler_.add(sequence);
    return sequence;
  }

  // Does what a step does to sequences: all that was scheduled is computed, and where that yields a
  // token, it is appended.
  std::vector<ScheduledSequence> step() {
    std::vector<ScheduledSequence> scheduled = scheduler_.schedule();
    for (const ScheduledSequence& each : scheduled) {
      const bool yields = each.yields_token();
      each.sequence->num_computed += each.num_tokens;
      if (yields) each.sequence->tokens.push_back(2);
    }
    scheduler_.blocks().check_integrity();
    return scheduled;
  }

  std::deque<GenerationRequest> requests_;
  std::deque<Sequence> sequences_;
  Scheduler scheduler_{kLimits};
};

std::vector<std::int64_t> lengths(const std::vector<ScheduledSequence>& scheduled) {
  std::vector<std::int64_t> all;
  for (const ScheduledSequence& each : scheduled) all.push_back(each.num_tokens);
  return all;
}

TEST_F(SchedulerTest, LongPromptsTakeSeveralSteps) {
  add(18, 3);
  EXPECT_EQ(lengths(step()), (std::vector<std::int64_t>{8}));
  EXPECT_EQ(lengths(step()), (std::vector<std::int64_t>{8}));
  EXPECT_EQ(lengths(step()), (std::vector<std::int64_t>{2}));
  EXPECT_EQ(lengths(step()), (std::vector<std::int64_t>{1}));
}

TEST_F(SchedulerTest, DecodesShareStepsWithPrompts) {
  Sequence& first = add(3, 4);
  EXPECT_EQ(lengths(step()), (std::vector<std::int64_t>{3}));
  add(12, 1);
  const auto mixed = step();
  EXPECT_EQ(lengths(mixed), (std::vector<std::int64_t>{1, 7}));
  EXPECT_EQ(mixed[0].sequence, &first);
}

TEST_F(SchedulerTest, NobodyOvertakes) {
  Sequence& first = add(20, 1);   // 5 of 8 blocks
  Sequence& second = add(16, 1);  // 4 blocks: must wait
  add(2, 1);                      // would fit, but came later
  EXPECT_EQ(step().size(), 1U);
  EXPECT_TRUE(second.block_table.empty());
  scheduler_.finish(first);
  EXPECT_EQ(step()[0].sequence, &second);
}

TEST_F(SchedulerTest, RunsNoMoreThanMaxNumSeqs) {
  for (int i = 0; i < 5; ++i) add(1, 2);
  EXPECT_EQ(step().size(), 3U);
  scheduler_.finish(sequences_[1]);
  const auto scheduled = step();
  ASSERT_EQ(scheduled.size(), 3U);
  EXPECT_EQ(scheduled[2].sequence, &sequences_[3]);
}

TEST_F(SchedulerTest, AllBlocksComeBack) {
  for (std::size_t i = 1; i < 20; ++i) add(i, static_cast<std::int64_t>(i % 7) + 1);
  int steps = 0;
  while (scheduler_.has_work()) {
    for (const ScheduledSequence& each : step()) {
      Sequence& sequence = *each.sequence;
      if (sequence.num_output() == sequence.max_tokens) scheduler_.finish(sequence);
    }
    ASSERT_LT(++steps, 1000);
  }
  EXPECT_EQ(scheduler_.blocks().num_free(), kLimits.num_kv_blocks);
  for (const Sequence& sequence : sequences_) EXPECT_EQ(sequence.num_output(), sequence.max_tokens);
}

TEST_F(SchedulerTest, ClearGivesUpOnAll) {
  for (int i = 0; i < 5; ++i) add(3, 2);
  step();
  scheduler_.clear();
  EXPECT_FALSE(scheduler_.has_work());
  EXPECT_EQ(scheduler_.blocks().num_free(), kLimits.num_kv_blocks);
}

}  // namespace
}  // namespace parapet
