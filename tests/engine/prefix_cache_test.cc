// What the scheduler finds in the cache, for whom, and what stays there.
#include <gtest/gtest.h>

#include "engine/scheduler.h"
#include "engine/scheduler_fixture.h"

namespace parapet::test {
namespace {

// Room for whatever a test wants to see undisturbed.
EngineLimits roomy_limits() {
  return {.vocab_size = 1000,
          .max_model_len = 400,
          .max_num_seqs = 8,
          .max_num_batched_tokens = 512,
          .block_size = 16,
          .num_kv_blocks = 100,
          .max_num_requests = 100};
}

class PrefixCacheTest : public SchedulerTest {
 protected:
  PrefixCacheTest() : SchedulerTest(roomy_limits()) {}

  std::int64_t cached_tokens(GenerationRequest request) {
    const Served& served = add(std::move(request));
    run_to_end();
    return served.sequence.num_cached_tokens;
  }
};

using PinnedPromptTest = SchedulerTest;

TEST_F(PrefixCacheTest, PrefixesAreSharedToTheToken) {
  GenerationRequest first = request_of(220, 1);
  GenerationRequest second = first;
  second.prompt[201] = 999;
  EXPECT_EQ(cached_tokens(first), 0);

  const Served& served = add(second);
  const Step step = engine_.step();
  EXPECT_EQ(served.sequence.num_cached_tokens, 201);  // 12 blocks, and 9 tokens of the next
  ASSERT_EQ(step.block_copies.size(), 1U);
  const auto [source, copy] = step.block_copies[0];
  EXPECT_NE(source, copy);
  ASSERT_EQ(step.sequences.size(), 1U);
  EXPECT_EQ(step.sequences[0].num_tokens, 220 - 201);
  run_to_end();
  EXPECT_EQ(scheduler().stats().prefix_queries, 440);
  EXPECT_EQ(scheduler().stats().prefix_hits, 201);
}

TEST_F(PrefixCacheTest, TheLastTokenOfAPromptIsAlwaysComputed) {
  EXPECT_EQ(cached_tokens(request_of(32, 1)), 0);
  EXPECT_EQ(cached_tokens(request_of(32, 1)), 31);
  EXPECT_EQ(cached_tokens(request_of(33, 1)), 32);
  EXPECT_EQ(cached_tokens(request_of(1, 1)), 0);
}

TEST_F(PrefixCacheTest, AnswersAreReusedByWhatFollowsThem) {
  const Served& first = add(request_of(20, 10));
  run_to_end();
  GenerationRequest next = request_of(0, 1);
  next.prompt = first.sequence.tokens;
  next.prompt.push_back(999);
  EXPECT_EQ(cached_tokens(next), 29);  // the last output token was never computed
}

TEST_F(PrefixCacheTest, RunningSequencesShareOneBlock) {
  const Served& first = add(request_of(40, 5));
  engine_.step();
  const Served& second = add(request_of(40, 5));
  engine_.step();
  EXPECT_EQ(second.sequence.block_table[1], first.sequence.block_table[1]);
  EXPECT_EQ(blocks().num_users(first.sequence.block_table[1]), 2);
  EXPECT_EQ(second.sequence.num_cached_tokens, 32);  // what is not full is still written to
  run_to_end();
}

TEST_F(PrefixCacheTest, EqualPromptsOfOneStepComeToShareTheirBlocks) {
  const Served& first = add(request_of(40, 5));
  const Served& second = add(request_of(40, 5));
  engine_.step();
  EXPECT_EQ(first.sequence.num_cached_tokens + second.sequence.num_cached_tokens, 0);
  EXPECT_EQ(first.sequence.block_table[1], second.sequence.block_table[1]);
  EXPECT_NE(first.sequence.block_table[2], second.sequence.block_table[2]);
  run_to_end();
}

TEST_F(PrefixCacheTest, SaltsKeepPrefixesApart) {
  GenerationRequest request = request_of(40, 1);
  request.cache_salt = "a";
  EXPECT_EQ(cached_tokens(request), 0);
  EXPECT_EQ(cached_tokens(request), 39);
  request.cache_salt = "b";
  EXPECT_EQ(cached_tokens(request), 0);
  request.cache_salt = "";
  EXPECT_EQ(cached_tokens(request), 0);
}

TEST_F(PrefixCacheTest, SaltsShareWhatIsPublic) {
  GenerationRequest request = request_of(60, 1);
  request.num_public_tokens = 37;
  request.cache_salt = "a";
  EXPECT_EQ(cached_tokens(request), 0);
  request.cache_salt = "b";
  EXPECT_EQ(cached_tokens(request), 32);  // the third block has secrets of "a"
  EXPECT_EQ(cached_tokens(request), 59);  // its own
  request.cache_salt = "";
  request.num_public_tokens = 0;
  EXPECT_EQ(cached_tokens(request), 32);
  request.cache_salt = "c";
  EXPECT_EQ(cached_tokens(request), 0);  // to it, nothing is public
}

TEST_F(PrefixCacheTest, APublicPromptIsSharedToItsLastToken) {
  EXPECT_EQ(cached_tokens(request_of(37, 0)), 0);  // a policy, computed ahead
  GenerationRequest request = request_of(60, 1);
  request.num_public_tokens = 37;
  request.cache_salt = "a";
  EXPECT_EQ(cached_tokens(request), 37);
}

TEST_F(PrefixCacheTest, SomeMustComputeTheirWholePrompt) {
  EXPECT_EQ(cached_tokens(request_of(40, 1)), 0);
  GenerationRequest request = request_of(40, 1);
  request.prompt_logprobs = 0;
  EXPECT_EQ(cached_tokens(request), 0);
  request = request_of(40, 1);
  request.use_prefix_cache = false;
  EXPECT_EQ(cached_tokens(request), 0);
  EXPECT_EQ(cached_tokens(request_of(40, 1)), 39);
  scheduler().forget_prefixes();
  EXPECT_EQ(cached_tokens(request_of(40, 1)), 0);
}

TEST_F(PinnedPromptTest, PinnedPromptsSurvivePressure) {
  GenerationRequest policy = request_of(10, 0);
  policy.pin_prompt = true;
  add(policy);
  run_to_end();
  EXPECT_EQ(scheduler().num_pinned_blocks(), 3);
  next_first_ = 100;
  for (int i = 0; i < 10; ++i) add(17, 3);
  run_to_end();
  EXPECT_EQ(blocks().num_free(), 5);
  const Served& served = add(request_of(14, 1));
  engine_.step();
  EXPECT_EQ(served.sequence.num_cached_tokens, 10);
}

TEST_F(PinnedPromptTest, APromptIsPinnedOnce) {
  GenerationRequest policy = request_of(10, 0);
  policy.pin_prompt = true;
  for (int i = 0; i < 2; ++i) add(policy);  // one after the other in a step, and again
  run_to_end();
  add(policy);
  run_to_end();
  EXPECT_LE(scheduler().num_pinned_blocks(), 4);
  EXPECT_EQ(blocks().num_free() + scheduler().num_pinned_blocks(), limits_.num_kv_blocks);
}

TEST_F(PinnedPromptTest, NothingIsPinnedAgainstWhoWasLetIn) {
  const Served& large = add(25, 8);  // all 8 blocks
  GenerationRequest policy = request_of(10, 0);
  policy.pin_prompt = true;
  policy.priority = -1;
  add(policy);
  run_to_end();
  EXPECT_EQ(large.num_answers, 1);
  EXPECT_EQ(scheduler().num_pinned_blocks(), 0);
  add(policy);
  run_to_end();
  EXPECT_EQ(scheduler().num_pinned_blocks(), 3);
  EXPECT_EQ(engine_.add(request_of(25, 8)).error().code, ErrorCode::kResourceExhausted);
}

TEST_F(PinnedPromptTest, PinsEndWithTheCache) {
  GenerationRequest policy = request_of(10, 0);
  policy.pin_prompt = true;
  add(policy);
  run_to_end();
  scheduler().forget_prefixes();
  EXPECT_EQ(scheduler().num_pinned_blocks(), 0);
  EXPECT_EQ(blocks().num_free(), limits_.num_kv_blocks);
}

class UncachedSchedulerTest : public SchedulerTest {
 protected:
  UncachedSchedulerTest() : SchedulerTest(uncached_limits()) {}

  static EngineLimits uncached_limits() {
    EngineLimits limits = small_limits();
    limits.enable_prefix_caching = false;
    return limits;
  }
};

TEST_F(UncachedSchedulerTest, NothingIsKept) {
  for (int i = 0; i < 2; ++i) {
    GenerationRequest request = request_of(10, 1);
    request.pin_prompt = true;
    const Served& served = add(request);
    run_to_end();
    EXPECT_EQ(served.sequence.num_cached_tokens, 0);
  }
  EXPECT_EQ(blocks().num_cached(), 0);
  EXPECT_EQ(scheduler().num_pinned_blocks(), 0);
}

}  // namespace
}  // namespace parapet::test
