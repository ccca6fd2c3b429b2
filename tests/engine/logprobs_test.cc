#include "engine/logprobs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace parapet {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<TokenLogprob> brute_force(const std::vector<float>& logits,
                                      const std::vector<TokenId>& ids) {
  const long double largest = *std::max_element(logits.begin(), logits.end());
  long double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<long double>(logit) - largest);
  std::vector<TokenLogprob> tokens;
  for (const TokenId id : ids) {
    const float logit = logits.at(static_cast<std::size_t>(id));
    std::int64_t rank = 1;
    for (const float other : logits) rank += other > logit ? 1 : 0;
    tokens.push_back({id, static_cast<float>(logit - largest - std::log(sum)), rank});
  }
  return tokens;
}

// The chosen id, then the k most likely.
std::vector<TokenId> expected_ids(const std::vector<float>& logits, std::size_t k, TokenId chosen) {
  std::vector<TokenId> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(), [&](TokenId a, TokenId b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  ids.resize(std::min(k, ids.size()));
  ids.insert(ids.begin(), chosen);
  return ids;
}

void expect_equal(const std::vector<TokenLogprob>& actual,
                  const std::vector<TokenLogprob>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i].id, expected[i].id) << i;
    EXPECT_EQ(actual[i].rank, expected[i].rank) << i;
    EXPECT_FLOAT_EQ(actual[i].logprob, expected[i].logprob) << i;
  }
}

TEST(LogprobsTest, ChosenTokenThenTheMostLikely) {
  // Probabilities 1/4, 1/2, 1/8, 1/8.
  const std::vector<float> logits{std::log(2.0F), std::log(4.0F), 0, 0};
  const auto tokens = top_logprobs(logits, 3, 2);
  ASSERT_TRUE(tokens);
  expect_equal(*tokens, {{2, std::log(0.125F), 3},
                         {1, std::log(0.5F), 1},
                         {0, std::log(0.25F), 2},
                         {2, std::log(0.125F), 3}});
}

TEST(LogprobsTest, OfTheWholeVocabulary) {
  const std::vector<float> logits = {1, 3, 2};
  const auto tokens = top_logprobs(logits, kAllTokens, 0);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(*tokens, *top_logprobs(logits, 3, 0));
  EXPECT_EQ(*tokens, *top_logprobs(logits, 1000, 0));
  EXPECT_EQ(tokens->size(), 4U);
}

TEST(LogprobsTest, RanksOfEqualLogitsAreEqual) {
  const std::vector<float> logits{1, 2, 2, 1, 2, 0};
  const auto tokens = top_logprobs(logits, 6, 4);
  ASSERT_TRUE(tokens);
  std::vector<TokenId> ids;
  std::vector<std::int64_t> ranks;
  for (const TokenLogprob& token : *tokens) {
    ids.push_back(token.id);
    ranks.push_back(token.rank);
  }
  EXPECT_EQ(ids, (std::vector<TokenId>{4, 1, 2, 4, 0, 3, 5}));
  EXPECT_EQ(ranks, (std::vector<std::int64_t>{1, 1, 1, 1, 4, 4, 6}));
}

TEST(LogprobsTest, AgreesWithBruteForce) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<float> logits(1 + random() % 40);
    for (float& logit : logits) {
      logit = random() % 8 == 0 ? -kInfinity : static_cast<float>(random() % 12) * 2.5F - 15;
    }
    logits[random() % logits.size()] = 3;
    const auto chosen = static_cast<TokenId>(random() % logits.size());
    const std::size_t k = random() % 45;
    const auto top = top_logprobs(logits, static_cast<std::int64_t>(k), chosen);
    ASSERT_TRUE(top);
    const std::vector<TokenId> ids = expected_ids(logits, k, chosen);
    expect_equal(*top, brute_force(logits, ids));
    const auto same = logprobs_of(logits, ids);
    ASSERT_TRUE(same);
    for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ((*same)[i], (*top)[i].logprob);
  }
}

TEST(LogprobsTest, AgreesWithBruteForceOnALargeVocabulary) {
  std::mt19937 random(12);
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> logits(151'936);
  for (float& logit : logits) logit = normal(random);
  const auto top = top_logprobs(logits, 20, 77);
  ASSERT_TRUE(top);
  expect_equal(*top, brute_force(logits, expected_ids(logits, 20, 77)));
}

TEST(LogprobsTest, ExtremeLogitsStayExact) {
  constexpr float kMax = std::numeric_limits<float>::max();
  const auto logprobs =
      logprobs_of(std::vector<float>{-kMax, kMax, kMax, -kInfinity}, std::vector<TokenId>{0, 1, 3});
  ASSERT_TRUE(logprobs);
  EXPECT_EQ((*logprobs)[0], -kInfinity) << "below all floats";
  EXPECT_FLOAT_EQ((*logprobs)[1], -std::log(2.0F));
  EXPECT_EQ((*logprobs)[2], -kInfinity);
}

TEST(LogprobsTest, RefusesLogitsWithoutADistribution) {
  const float nan = std::nanf("");
  const std::vector<std::vector<float>> broken{{1, nan}, {nan, 1}, {1, kInfinity}, {-kInfinity}};
  for (const std::vector<float>& logits : broken) {
    const auto top = top_logprobs(logits, 1, 0);
    ASSERT_FALSE(top);
    EXPECT_EQ(top.error().code, ErrorCode::kNumeric);
    const auto logprobs = logprobs_of(logits, std::vector<TokenId>{0});
    ASSERT_FALSE(logprobs);
    EXPECT_EQ(logprobs.error().code, ErrorCode::kNumeric);
  }
}

}  // namespace
}  // namespace parapet
