// Which drafts a step computes, and what they may take for it.
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "engine/scheduler.h"
#include "engine/scheduler_fixture.h"

namespace parapet::test {
namespace {

// Drafts what it is told to.
class FixedPlan final : public AnswerPlan {
 public:
  using Draft = std::function<DraftTree(std::span<const TokenId>)>;
  explicit FixedPlan(Draft draft) : draft_(std::move(draft)) {}
  DraftTree draft(std::span<const TokenId> output) const override { return draft_(output); }
  std::span<const TokenId> watch(std::span<const TokenId> /*output*/) const override { return {}; }

 private:
  Draft draft_;
};

class SchedulerDraftTest : public SchedulerTest {
 protected:
  using SchedulerTest::SchedulerTest;

  // Drafts `tree` for the beginning of its answer.
  Served& add_drafting(std::size_t prompt_len, std::int64_t max_tokens, DraftTree tree) {
    GenerationRequest request = request_of(prompt_len, max_tokens, next_first_);
    next_first_ += static_cast<TokenId>(prompt_len);
    request.plan =
        std::make_shared<FixedPlan>([tree = std::move(tree)](std::span<const TokenId> output) {
          return output.empty() ? tree : DraftTree();
        });
    return add(std::move(request));
  }
  // What the next request of that length will write.
  std::vector<TokenId> answer_ahead(std::size_t prompt_len, std::int64_t max_tokens) const {
    return engine_.model().answer_alone(request_of(prompt_len, max_tokens, next_first_),
                                        max_tokens);
  }
};

// Root: `trunk` after each other, and so many other first tokens.
DraftTree tree_of(std::span<const TokenId> trunk, int num_branches) {
  DraftTree tree;
  tree.add(trunk);
  for (int i = 0; i < num_branches; ++i) tree.add(5000 + i, DraftTree::kRoot);
  return tree;
}

class WideSchedulerDraftTest : public SchedulerDraftTest {
 protected:
  WideSchedulerDraftTest() : SchedulerDraftTest(wide_limits()) {}

  static EngineLimits wide_limits() {
    EngineLimits limits = small_limits();
    limits.max_num_batched_tokens = 600;
    limits.num_kv_blocks = 200;
    return limits;
  }
};

TEST_F(SchedulerDraftTest, RightDraftsAreAcceptedInOnePass) {
  const auto answer = answer_ahead(3, 4);
  const Served& served = add_drafting(3, 4, tree_of(std::span(answer).first(3), 0));
  const Step step = engine_.step();
  EXPECT_EQ(step.num_rows, 3 + 3);
  EXPECT_EQ(served.num_answers, 1);
  EXPECT_EQ(written(served), answer);
  EXPECT_EQ(engine_.num_accepted_on_trunk(), 3);
}

TEST_F(SchedulerDraftTest, BranchesAreAcceptedFromScratchBlocks) {
  const auto answer = answer_ahead(2, 5);
  DraftTree tree = tree_of(std::vector<TokenId>{5000, 5001}, 0);
  tree.add(std::span(answer).first(2));
  const Served& served = add_drafting(2, 5, tree);
  const Step step = engine_.step();
  EXPECT_EQ(step.num_branches, 1);
  EXPECT_EQ(step.sequences[0].scratch_blocks.size(), 1U);
  EXPECT_EQ(engine_.num_accepted_off_trunk(), 2);
  EXPECT_EQ(served.sequence.num_output(), 3);
  EXPECT_EQ(served.sequence.num_computed, 2);  // their keys lie elsewhere
  EXPECT_EQ(step_lengths(), (Lengths{3}));
  run_to_end();
}

TEST_F(SchedulerDraftTest, ScratchBlocksAreFreeAfterTheStep) {
  const Served& served = add_drafting(2, 3, tree_of(std::vector<TokenId>{5000}, 5));
  const Step step = engine_.step();
  EXPECT_EQ(step.num_branches, 5);
  EXPECT_EQ(step.sequences[0].scratch_blocks.size(), 2U);
  EXPECT_EQ(blocks().num_free(), limits_.num_kv_blocks - std::ssize(served.sequence.block_table));
  run_to_end();
}

TEST_F(SchedulerDraftTest, AnEndOfAPromptWaitsForTheRowsOfItsDraft) {
  add(4, 1);
  const Served& drafting = add_drafting(3, 4, tree_of(std::vector<TokenId>{5000, 5001, 5002}, 0));
  EXPECT_EQ(step_lengths(), (Lengths{4, 2}));
  const Step step = engine_.step();
  ASSERT_EQ(step.sequences.size(), 1U);
  EXPECT_EQ(step.sequences[0].num_tokens, 1);
  EXPECT_EQ(step.num_rows, 4);
  EXPECT_EQ(drafting.sequence.num_output(), 1);
  run_to_end();
}

TEST_F(SchedulerDraftTest, NobodyStartsWhileADraftWaits) {
  const std::vector<TokenId> draft = {5000, 5001, 5002, 5003, 5004, 5005, 5006};
  add(2, 3);
  const Served& drafting = add_drafting(3, 8, tree_of(draft, 0));
  for (int steps = 0; drafting.num_answers == 0; ++steps) {
    if (engine_.active().size() < 4) add(2, 4);  // someone else is always there
    engine_.step();
    ASSERT_LT(steps, 20);
  }
  run_to_end();
}

TEST_F(WideSchedulerDraftTest, TheWidestDraftFitsAStep) {
  add_drafting(2, 3, tree_of(std::vector<TokenId>{5000}, 1000));
  EXPECT_EQ(engine_.step().num_rows, 2 + kMaxDraftNodes);
  run_to_end();
}

TEST_F(SchedulerDraftTest, DraftsEndWhereTheAnswerMust) {
  add_drafting(2, 3, tree_of(std::vector<TokenId>{5000, 5001, 5002, 5003}, 0));
  EXPECT_EQ(engine_.step().sequences[0].draft.num_nodes(), 2);
  run_to_end();
  add_drafting(2, 1, tree_of(std::vector<TokenId>{5000}, 0));
  EXPECT_EQ(engine_.step().sequences[0].draft.num_nodes(), 0);
}

TEST_F(SchedulerDraftTest, DraftsWaitForTheEndOfThePrompt) {
  add_drafting(12, 3, tree_of(std::vector<TokenId>{5000}, 0));
  EXPECT_EQ(engine_.step().sequences[0].draft.num_nodes(), 0);
  EXPECT_EQ(engine_.step().sequences[0].draft.num_nodes(), 1);
  run_to_end();
}

TEST_F(SchedulerDraftTest, WithoutFreeBlocksThereIsNoDraft) {
  add(28, 2);  // 7 of 8 blocks
  for (int i = 0; i < 3; ++i) engine_.step();
  const Served& served = add_drafting(2, 3, tree_of(std::vector<TokenId>{5000}, 1));
  const Step step = engine_.step();
  ASSERT_EQ(step.sequences.size(), 2U);
  EXPECT_EQ(step.sequences[1].sequence, &served.sequence);
  EXPECT_EQ(step.sequences[1].draft.num_nodes(), 0);  // its branch would need a block
  EXPECT_EQ(scheduler().stats().num_preemptions, 0);
  run_to_end();
}

TEST_F(SchedulerDraftTest, WhoSamplesHasNoDraft) {
  GenerationRequest request = request_of(2, 4);
  request.sampling.temperature = 1;
  request.plan = std::make_shared<FixedPlan>(
      [](std::span<const TokenId> /*output*/) { return tree_of(std::vector<TokenId>{5000}, 0); });
  add(std::move(request));
  EXPECT_EQ(engine_.step().num_rows, 2);
  run_to_end();
}

}  // namespace
}  // namespace parapet::test
