#include "precision/probe_plan.h"

#include <gtest/gtest.h>

namespace parapet {
namespace {

std::vector<TokenId> counting(TokenId count) {
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < count; ++id) ids.push_back(id);
  return ids;
}

std::int64_t rows_of(const ProbePlan& plan) {
  std::int64_t rows = 0;
  for (const auto& step : plan.steps) {
    for (const ProbePiece& piece : step) rows += piece.end - piece.begin;
  }
  return rows;
}

TEST(ProbePlanTest, WholeBlocksBeforeTheFirstReadAreShared) {
  const std::vector<TokenId> ids = counting(40);
  const PlannedPrompt prompts[] = {{ids, 39, 40, 0}, {ids, 39, 40, 0}, {ids, 20, 40, 0}};
  const ProbePlan plan = plan_probe({}, prompts, 100, 16, 512);
  ASSERT_EQ(plan.block_tables.size(), 3U);
  EXPECT_EQ(plan.block_tables[0], (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(plan.block_tables[1], (std::vector<std::int32_t>{0, 1, 3}));
  EXPECT_EQ(plan.block_tables[2], (std::vector<std::int32_t>{0, 4, 5}));
  EXPECT_EQ(rows_of(plan), 40 + 8 + 24);
  EXPECT_EQ(plan.steps.size(), 1U);
}

TEST(ProbePlanTest, SharesNoMoreThanAllowed) {
  const std::vector<TokenId> ids = counting(40);
  const PlannedPrompt prompts[] = {{ids, 20, 20, 0}, {ids, 39, 39, 0}};
  const ProbePlan plan = plan_probe({}, prompts, 100, 16, 512);
  EXPECT_EQ(rows_of(plan), 40 + 24);
}

TEST(ProbePlanTest, StepsAreFullAndInOrder) {
  const std::vector<TokenId> ids = counting(10);
  const std::vector<TokenId> others(7, 99);
  const PlannedPrompt prompts[] = {{ids, 9, 10, 0}, {others, 6, 7, 0}};
  const ProbePlan plan = plan_probe({}, prompts, 100, 16, 4);
  ASSERT_EQ(plan.steps.size(), 5U);
  ASSERT_EQ(plan.steps[2].size(), 2U);
  EXPECT_EQ(plan.steps[2][0].end, 10);
  EXPECT_EQ(plan.steps[2][1].prompt, 1U);
  EXPECT_EQ(plan.steps[2][1].end, 2);
  EXPECT_EQ(plan.steps[4][0].end, 7);
}

TEST(ProbePlanTest, TakesAsManyAsFit) {
  const std::vector<TokenId> ids = counting(20);
  const std::vector<TokenId> others(20, 99);
  const PlannedPrompt prompts[] = {{ids, 19, 20, 13}, {others, 19, 20, 12}};
  EXPECT_EQ(plan_probe({}, prompts, 4, 16, 512).block_tables.size(), 1U);
  EXPECT_EQ(plan_probe({}, prompts, 5, 16, 512).block_tables.size(), 2U);
  EXPECT_EQ(plan_probe({}, prompts, 2, 16, 512).block_tables.size(), 0U);
}

TEST(ProbePlanTest, EarlierCallsAreShared) {
  const std::vector<TokenId> ids = counting(40);
  const CachedPrompt cached[] = {{counting(20), {0, 1}, 20}, {counting(40), {0, 2, 3}, 33}};
  const PlannedPrompt prompts[] = {{ids, 39, 40, 0}};
  const ProbePlan plan = plan_probe(cached, prompts, 5, 16, 512);
  ASSERT_EQ(plan.block_tables.size(), 1U);
  EXPECT_EQ(plan.block_tables[0], (std::vector<std::int32_t>{0, 2, 4}));
  EXPECT_EQ(rows_of(plan), 8);
  EXPECT_TRUE(plan_probe(cached, prompts, 4, 16, 512).block_tables.empty());
}

}  // namespace
}  // namespace parapet
