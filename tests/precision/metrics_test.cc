#include "precision/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace parapet {
namespace {

constexpr double kExact = 1e-12;

RowDifference compare(const std::vector<float>& reference, const std::vector<float>& candidate) {
  const auto difference = compare_rows(reference, candidate);
  EXPECT_TRUE(difference) << difference.error().message;
  return *difference;
}

TEST(CompareRows, EqualRowsDifferInNothing) {
  const RowDifference same = compare({1, -2, 0.5, 3}, {1, -2, 0.5, 3});
  EXPECT_EQ(same.num_compared, 4);
  EXPECT_NEAR(same.cosine, 1, kExact);
  EXPECT_NEAR(same.pearson, 1, kExact);
  EXPECT_EQ(same.relative_l2, 0);
  EXPECT_EQ(same.kl, 0);
  EXPECT_EQ(same.max_abs, 0);
  EXPECT_EQ(same.mean_abs, 0);
  EXPECT_EQ(same.margin, 2);
  EXPECT_TRUE(same.agrees());
  EXPECT_FALSE(same.within_noise());
}

TEST(CompareRows, Cosine) {
  EXPECT_NEAR(compare({1, 0}, {1, 1}).cosine, std::sqrt(0.5), kExact);
  EXPECT_NEAR(compare({1, 0}, {0, 2}).cosine, 0, kExact);
  EXPECT_NEAR(compare({1, 2}, {-1, -2}).cosine, -1, kExact);
  EXPECT_EQ(compare({0, 0}, {0, 0}).cosine, 1);
  EXPECT_EQ(compare({0, 0}, {0, 1}).cosine, 0);
}

// A constant that is added to every logit changes the cosine, and nothing that depends on a mean.
TEST(CompareRows, PearsonIsBlindToScaleAndConstant) {
  const RowDifference moved = compare({1, 2, 4}, {13, 15, 19});
  EXPECT_NEAR(moved.pearson, 1, kExact);
  EXPECT_LT(moved.cosine, 0.99);
  // By hand: deviations (-1, 0, 1) and (-1, 1, 0); their product 1 over lengths sqrt 2 and sqrt 2.
  EXPECT_NEAR(compare({1, 2, 3}, {1, 3, 2}).pearson, 0.5, kExact);
  EXPECT_EQ(compare({5, 5}, {7, 7}).pearson, 1);
}

TEST(CompareRows, RelativeErrorIsTheLengthOfTheDifferenceOverTheReferences) {
  EXPECT_NEAR(compare({3, 4}, {3, 4.5}).relative_l2, 0.1, kExact);
  EXPECT_NEAR(compare({3, 4}, {0, 0}).relative_l2, 1, kExact);
  EXPECT_EQ(compare({0, 0}, {1, 0}).relative_l2, 1);  // there is nothing to be relative to
}

TEST(CompareRows, KullbackLeiblerOfTheTwoDistributions) {
  // p = (1/2, 1/2), q = (1/4, 3/4): (log 2 + log 2/3) / 2.
  const auto log3 = static_cast<float>(std::log(3.0));
  EXPECT_NEAR(compare({7, 7}, {0, log3}).kl, 0.5 * std::log(4.0 / 3), 1e-7);
  // The other way round: (log 1/2 + 3 log 3/2) / 4.
  EXPECT_NEAR(compare({0, log3}, {7, 7}).kl, 0.25 * std::log(0.5) + 0.75 * std::log(1.5), 1e-7);
  // Logits that exp() could not hold.
  EXPECT_NEAR(compare({5000, 5000, -5000}, {5000, 5000, -5000}).kl, 0, kExact);
}

TEST(CompareRows, LargestAndMeanDifference) {
  const RowDifference difference = compare({1, 2, 3, 4}, {1, 1.5, 3.25, 4});
  EXPECT_EQ(difference.max_abs, 0.5);
  EXPECT_EQ(difference.mean_abs, 0.1875);
}

TEST(CompareRows, AgreementMarginAndNoise) {
  const RowDifference flipped = compare({1, 5, 4.75}, {1, 4.75, 5});
  EXPECT_EQ(flipped.reference_token, 1);
  EXPECT_EQ(flipped.candidate_token, 2);
  EXPECT_FALSE(flipped.agrees());
  EXPECT_EQ(flipped.margin, 0.25);
  EXPECT_TRUE(flipped.within_noise());
  // Agrees, but only by luck: 0.25 one way and the other would have flipped it.
  EXPECT_TRUE(compare({1, 5, 4.5}, {1.25, 5, 4.5}).within_noise());
  EXPECT_FALSE(compare({1, 5, 4.25}, {1.25, 5, 4.25}).within_noise());
  // Of equal logits the smallest id is the answer, on both sides.
  EXPECT_TRUE(compare({2, 2, 1}, {2, 2, 1}).agrees());
  EXPECT_EQ(compare({2, 2, 1}, {2, 2, 1}).margin, 0);
}

TEST(CompareRows, WhatIsNoNumberIsNamed) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto candidate = compare_rows(std::vector<float>{1, 2}, std::vector<float>{1, nan});
  ASSERT_FALSE(candidate);
  EXPECT_EQ(candidate.error().code, ErrorCode::kNumeric);
  EXPECT_EQ(candidate.error().message, "the candidate's logit of token 1 is nan");
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(compare_rows(std::vector<float>{infinity, 2}, std::vector<float>{1, 2}));
}

struct Rows {
  std::vector<float> reference;
  std::vector<float> candidate;
};

Rows random_rows(std::size_t size) {
  std::mt19937_64 random(7);
  std::normal_distribution<float> normal;
  Rows rows;
  for (std::size_t i = 0; i < size; ++i) {
    rows.reference.push_back(3 * normal(random));
    rows.candidate.push_back(rows.reference.back() + 0.05F * normal(random));
  }
  return rows;
}

TokenLogprobs logprobs_of(const std::vector<float>& logits, std::vector<TokenId> ids) {
  TokenLogprobs told;
  for (const double log_p : log_softmax_at(logits, ids)) {
    told.logprobs.push_back(static_cast<float>(log_p));
  }
  told.ids = std::move(ids);
  return told;
}

TEST(CompareLogprobs, OfAllTokensIsTheComparisonOfRowsButForTheConstant) {
  Rows rows = random_rows(500);
  std::vector<TokenId> ids;
  for (TokenId id = 499; id >= 0; --id) ids.push_back(id);
  const RowDifference whole = compare(rows.reference, rows.candidate);
  const TokenLogprobs logprobs = logprobs_of(rows.candidate, ids);
  const auto row = row_of_logprobs(rows.reference, logprobs);
  ASSERT_TRUE(row) << row.error().message;
  const auto told = compare_rows(rows.reference, *row);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(told->num_compared, 500);
  EXPECT_EQ(told->reference_token, whole.reference_token);
  EXPECT_EQ(told->candidate_token, whole.candidate_token);
  EXPECT_EQ(told->margin, whole.margin);
  constexpr double kRounding = 1e-6;  // half of what float32 keeps of log-probabilities near 16
  EXPECT_NEAR(told->pearson, whole.pearson, kRounding);
  EXPECT_NEAR(told->kl, whole.kl, kRounding);
  // The likely tokens' way comes to the same where all are likely ones.
  const auto coarse = compare_logprobs(rows.reference, logprobs);
  ASSERT_TRUE(coarse) << coarse.error().message;
  EXPECT_NEAR(coarse->relative_l2, told->relative_l2, kRounding);
  EXPECT_NEAR(coarse->kl, told->kl, 10 * kRounding);
  // The mean of 500 differences of deviation 0.05 is the constant that was lost.
  EXPECT_NEAR(told->relative_l2, whole.relative_l2, 0.0005);
  EXPECT_NEAR(told->mean_abs, whole.mean_abs, 0.005);
}

TEST(CompareLogprobs, OfTheLikelyTokensIsALowerBoundOfTheDivergence) {
  const Rows rows = random_rows(500);
  const double whole = compare(rows.reference, rows.candidate).kl;
  double last = 0;
  for (const std::size_t count : {1U, 5U, 20U, 100U, 499U}) {
    std::vector<TokenId> ids(500);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(i);
    std::ranges::sort(ids, [&](TokenId a, TokenId b) {
      return rows.candidate[static_cast<std::size_t>(a)] >
             rows.candidate[static_cast<std::size_t>(b)];
    });
    ids.resize(count);
    const auto told = compare_logprobs(rows.reference, logprobs_of(rows.candidate, ids));
    ASSERT_TRUE(told);
    EXPECT_EQ(told->num_compared, static_cast<std::int64_t>(count));
    EXPECT_GE(told->kl, last - 1e-7) << count;  // more told, more seen
    EXPECT_LE(told->kl, whole + 1e-6) << count;
    last = told->kl;
  }
}

TEST(CompareLogprobs, KnownDivergenceWithARest) {
  // p = (1/2, 1/4, 1/4); told is q of token 0, 1/4: the rest is 1/2 against 3/4.
  const std::vector<float> reference = {static_cast<float>(std::log(2.0)), 0, 0};
  const TokenLogprobs told = {{0}, {static_cast<float>(std::log(0.25))}};
  const auto difference = compare_logprobs(reference, told);
  ASSERT_TRUE(difference);
  EXPECT_NEAR(difference->kl, 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3), 1e-7);
}

TEST(CompareLogprobs, RefusesIdsOfAnotherVocabulary) {
  const std::vector<float> reference = {1, 2};
  for (const TokenId id : {-1, 2}) {
    const auto difference = compare_logprobs(reference, {{id}, {-1.0F}});
    ASSERT_FALSE(difference);
    EXPECT_EQ(difference.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(compare_logprobs(reference, {}));
  EXPECT_EQ(
      compare_logprobs(reference, {{0}, {-std::numeric_limits<float>::infinity()}}).error().code,
      ErrorCode::kNumeric);
}

}  // namespace
}  // namespace parapet
