#include "guard/label_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/paths.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;

// The ids are published: with Qwen3's tokenizer the label's first piece is one of these.
TEST(LabelTokens, PartAtOneTokenOfQwen3) {
  PARAPET_NEEDS_SHARED_DATA();
  const auto tokenizer = Tokenizer::load(test::shared_data() / "qwen3-tokenizer");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  const auto labels = LabelTokens::find(*tokenizer);
  ASSERT_TRUE(labels.ok()) << labels.error().message;
  EXPECT_EQ(labels->head, tokenizer->encode("Safety:", Origin::kMessage));
  EXPECT_THAT(labels->first_tokens, ElementsAre(22291, 2093, 73067));
}

TEST(LabelTokens, PartAtOneTokenOfTheBundledModel) {
  const auto tokenizer = Tokenizer::load(test::bundled_model());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_TRUE(LabelTokens::find(*tokenizer).ok());
}

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

}  // namespace
}  // namespace parapet
