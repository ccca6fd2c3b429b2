#include "guard/probabilities.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace parapet {
namespace {

TEST(LabelProbabilities, AreNormalisedAndKeepTheirMass) {
  const float logprobs[] = {std::log(0.6F), std::log(0.1F), std::log(0.1F)};
  const auto probabilities = label_probabilities(logprobs);
  ASSERT_TRUE(probabilities.ok());
  EXPECT_NEAR(probabilities->safe, 0.75, 1e-6);
  EXPECT_NEAR(probabilities->controversial, 0.125, 1e-6);
  EXPECT_NEAR(probabilities->unsafe, 0.125, 1e-6);
  EXPECT_NEAR(probabilities->label_mass, 0.8, 1e-6);
}

TEST(LabelProbabilities, RefuseWhatIsNotANumber) {
  const float logprobs[] = {-1.0F, std::numeric_limits<float>::quiet_NaN(), -1.0F};
  const auto probabilities = label_probabilities(logprobs);
  ASSERT_FALSE(probabilities.ok());
  EXPECT_EQ(probabilities.error().code, ErrorCode::kNumeric);
}

TEST(LabelProbabilities, SurviveAModelThatNeverWritesALabel) {
  const float logprobs[] = {-1e30F, -1e30F, -1e30F};
  const auto probabilities = label_probabilities(logprobs);
  ASSERT_TRUE(probabilities.ok());
  EXPECT_EQ(probabilities->label_mass, 0);
  EXPECT_NEAR(probabilities->safe + probabilities->controversial + probabilities->unsafe, 1, 1e-9);
}

TEST(CategoryProbability, NamesEveryCategoryAndNone) {
  const std::vector<float> logprobs(9, std::log(0.1F));
  const auto categories = category_probabilities(GuardMode::kResponse, logprobs);
  ASSERT_TRUE(categories.ok());
  ASSERT_EQ(categories->size(), 9U);
  EXPECT_EQ(categories->front().name, "Violent");
  EXPECT_EQ(categories->back().name, "None");
  for (const CategoryProbability& each : *categories) EXPECT_NEAR(each.probability, 1.0 / 9, 1e-9);
}

}  // namespace
}  // namespace parapet
