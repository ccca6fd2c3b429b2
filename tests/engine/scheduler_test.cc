#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "engine/scheduler_fixture.h"

namespace parapet::test {
namespace {

TEST_F(SchedulerTest, LongPromptsTakeSeveralSteps) {
  add(18, 3);
  EXPECT_EQ(step_lengths(), (Lengths{8}));
  EXPECT_EQ(step_lengths(), (Lengths{8}));
  EXPECT_EQ(step_lengths(), (Lengths{2}));
  EXPECT_EQ(step_lengths(), (Lengths{1}));
  EXPECT_EQ(step_lengths(), (Lengths{1}));
  EXPECT_FALSE(scheduler().has_work());
}

TEST_F(SchedulerTest, DecodesShareStepsWithPrompts) {
  const Served& first = add(3, 4);
  EXPECT_EQ(step_lengths(), (Lengths{3}));
  add(12, 1);
  const Step mixed = engine_.step();
  ASSERT_EQ(mixed.sequences.size(), 2U);
  EXPECT_EQ(mixed.sequences[0].sequence, &first.sequence);
  EXPECT_EQ(mixed.sequences[0].num_tokens, 1);
  EXPECT_EQ(mixed.sequences[1].num_tokens, 7);
  EXPECT_EQ(mixed.num_rows, 8);
}

TEST_F(SchedulerTest, AnswersWithoutTokensEndWithTheirPrompt) {
  const Served& served = add(9, 0);
  EXPECT_EQ(step_lengths(), (Lengths{8}));
  EXPECT_EQ(step_lengths(), (Lengths{1}));
  EXPECT_EQ(served.num_answers, 1);
  EXPECT_EQ(served.sequence.num_output(), 0);
}

TEST_F(SchedulerTest, NobodyOvertakes) {
  Served& first = add(20, 1);         // 5 of 8 blocks
  const Served& second = add(16, 1);  // 4 blocks: must wait
  add(2, 1);                          // would fit, but came later
  for (int i = 0; i < 2; ++i) EXPECT_EQ(step_sequences(), (Sequences{&first.sequence}));
  engine_.cancel(first);
  EXPECT_EQ(step_sequences(), (Sequences{&second.sequence}));
  run_to_end();
}

TEST_F(SchedulerTest, PriorityGoesBeforeArrival) {
  const Served& late = add(8, 1, /*priority=*/5);
  const Served& first = add(8, 1, /*priority=*/-1);
  const Served& second = add(8, 1, /*priority=*/-1);
  EXPECT_EQ(step_sequences(), (Sequences{&first.sequence}));
  EXPECT_EQ(step_sequences(), (Sequences{&second.sequence}));
  EXPECT_EQ(step_sequences(), (Sequences{&late.sequence}));
}

TEST_F(SchedulerTest, RunsNoMoreThanMaxNumSeqs) {
  std::vector<Served*> all;
  for (int i = 0; i < 5; ++i) all.push_back(&add(1, 3));
  EXPECT_EQ(step_sequences().size(), 3U);
  EXPECT_EQ(scheduler().num_running(), 3);
  EXPECT_EQ(scheduler().num_waiting(), 2);
  engine_.cancel(*all[1]);
  const Sequences scheduled = step_sequences();
  ASSERT_EQ(scheduled.size(), 3U);
  EXPECT_EQ(scheduled[2], &all[3]->sequence);
  run_to_end();
}

TEST_F(SchedulerTest, TheLastInOrderGivesUpItsBlocks) {
  const Served& first = add(7, 20);
  const Served& last = add(8, 10);
  const Served& middle = add(7, 10, /*priority=*/-1);  // before both
  while (scheduler().stats().num_preemptions == 0) engine_.step();
  EXPECT_TRUE(last.sequence.block_table.empty());
  EXPECT_FALSE(first.sequence.block_table.empty());
  EXPECT_FALSE(middle.sequence.block_table.empty());
  EXPECT_GT(last.sequence.num_output(), 0);
  EXPECT_EQ(scheduler().num_waiting(), 1);
  run_to_end();
  EXPECT_EQ(blocks().num_free(), limits_.num_kv_blocks);
}

TEST_F(SchedulerTest, ThePreemptedGoOnFromTheCache) {
  Served& first = add(12, 20);
  const Served& second = add(14, 4);
  for (int i = 0; i < 4; ++i) engine_.step();
  ASSERT_EQ(second.sequence.num_computed, 14);
  while (scheduler().stats().num_preemptions == 0) engine_.step();
  ASSERT_EQ(scheduler().num_waiting(), 1);
  engine_.cancel(first);
  const Step resumed = engine_.step();
  ASSERT_EQ(resumed.sequences.size(), 1U);
  EXPECT_EQ(resumed.sequences[0].sequence, &second.sequence);
  // The first took one of its four blocks: the last that it would miss.
  EXPECT_LE(resumed.sequences[0].num_tokens, 5);
  EXPECT_EQ(second.sequence.num_cached_tokens, 0);  // that of its first start
  run_to_end();
}

TEST_F(SchedulerTest, WhoeverLeavesGivesEverythingBack) {
  Served& running = add(8, 20);
  Served& preempted = add(16, 5);
  while (scheduler().stats().num_preemptions == 0) engine_.step();
  Served& waiting = add(4, 2);
  ASSERT_EQ(scheduler().num_waiting(), 2);
  for (Served* served : {&preempted, &running, &waiting}) {
    engine_.cancel(*served);
    EXPECT_NO_THROW(scheduler().check_integrity());
  }
  EXPECT_FALSE(scheduler().has_work());
  EXPECT_EQ(blocks().num_free(), limits_.num_kv_blocks);
  EXPECT_THROW(scheduler().remove(running.sequence), InternalError);
}

TEST_F(SchedulerTest, NothingToDoIsAnEmptyStep) {
  EXPECT_TRUE(scheduler().schedule().sequences.empty());
}

}  // namespace
}  // namespace parapet::test
