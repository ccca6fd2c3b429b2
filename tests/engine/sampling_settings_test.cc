#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/sampling.h"
#include "engine/sampling_reference.h"

namespace parapet {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kVocabSize = 100;

struct RefusedSettings {
  SamplingSettings settings;
  std::string message;
};

TEST(SamplingSettingsTest, RefusesNumbersOutsideTheirRange) {
  const double nan = std::nan("");
  const RefusedSettings cases[] = {
      {{.temperature = -0.1}, "temperature is -0.1, expected a finite number of at least 0"},
      {{.temperature = nan}, "temperature is nan"},
      {{.temperature = HUGE_VAL}, "temperature is inf"},
      {{.top_k = -1}, "top_k is -1, expected 0 (all tokens) or more"},
      {{.top_p = 0}, "top_p is 0, expected more than 0 and at most 1"},
      {{.top_p = 1.01}, "top_p is 1.01"},
      {{.top_p = nan}, "top_p is nan"},
      {{.min_p = -0.5}, "min_p is -0.5, expected 0 to 1"},
      {{.min_p = 1.5}, "min_p is 1.5"},
      {{.min_p = nan}, "min_p is nan"},
      {{.presence_penalty = 2.1}, "presence_penalty is 2.1, expected -2 to 2"},
      {{.presence_penalty = nan}, "presence_penalty is nan"},
      {{.frequency_penalty = -2.1}, "frequency_penalty is -2.1, expected -2 to 2"},
      {{.repetition_penalty = 0}, "repetition_penalty is 0, expected more than 0 and at most 2"},
      {{.repetition_penalty = 2.5}, "repetition_penalty is 2.5"},
      {{.repetition_penalty = nan}, "repetition_penalty is nan"},
      {{.min_tokens = -1}, "min_tokens is -1, expected 0 or more"},
  };
  for (const RefusedSettings& each : cases) {
    const Status status = each.settings.check(kVocabSize);
    ASSERT_FALSE(status) << each.message;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(status.error().message, HasSubstr(each.message));
  }
}

TEST(SamplingSettingsTest, RefusesListsThatMeanNothing) {
  const float nan = std::nanf("");
  const std::vector<TokenId> too_many(kVocabSize + 1, 0);
  const std::vector<std::pair<TokenId, float>> biases(kMaxLogitBiases + 1, {0, 1.0F});
  const RefusedSettings cases[] = {
      {{.logit_bias = {{1, 0.0F}, {100, 0.0F}}},
       "logit_bias[1].token_id is 100, expected a token id of 0 to 99"},
      {{.logit_bias = {{-1, 0.0F}}}, "logit_bias[0].token_id is -1"},
      {{.logit_bias = {{1, 100.5F}}}, "logit_bias[0].bias is 100.5, expected -100 to 100"},
      {{.logit_bias = {{1, -101.0F}}}, "logit_bias[0].bias is -101"},
      {{.logit_bias = {{1, nan}}}, "logit_bias[0].bias is nan"},
      {{.logit_bias = {{7, 1.0F}, {2, 1.0F}, {7, 1.0F}}}, "logit_bias names token 7 twice"},
      {{.logit_bias = biases}, "logit_bias has 1025 entries, expected at most 1024"},
      {{.allowed_token_ids = {0, 100}}, "allowed_token_ids[1] is 100, expected a token id"},
      {{.allowed_token_ids = too_many}, "allowed_token_ids has 101 entries, expected at most 100"},
      {{.bad_words = {{1}, {}}}, "bad_words[1] is empty, expected at least one token"},
      {{.bad_words = {{1, -5}}}, "bad_words[0][1] is -5, expected a token id of 0 to 99"},
      {{.bad_words = std::vector<std::vector<TokenId>>(kMaxBadWords + 1, {1})},
       "bad_words has 1025 entries, expected at most 1024"},
      {{.bad_words = {std::vector<TokenId>(kMaxBadWordTokens + 1, 1)}},
       "bad_words[0] has 257 entries, expected at most 256"},
  };
  for (const RefusedSettings& each : cases) {
    const Status status = each.settings.check(kVocabSize);
    ASSERT_FALSE(status) << each.message;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(status.error().message, HasSubstr(each.message));
  }
}

TEST(SamplingSettingsTest, AcceptsTheEdgesOfEachRange) {
  EXPECT_TRUE(SamplingSettings{}.check(kVocabSize));
  const SamplingSettings least{.temperature = 0,
                               .top_k = 0,
                               .top_p = std::numeric_limits<double>::min(),
                               .min_p = 0,
                               .presence_penalty = -2,
                               .frequency_penalty = -2,
                               .repetition_penalty = std::numeric_limits<double>::min(),
                               .logit_bias = {{0, -100.0F}},
                               .allowed_token_ids = {0},
                               .bad_words = {{0}}};
  EXPECT_TRUE(least.check(kVocabSize));
  const SamplingSettings largest{.temperature = std::numeric_limits<double>::max(),
                                 .top_k = std::numeric_limits<std::int64_t>::max(),
                                 .top_p = 1,
                                 .min_p = 1,
                                 .presence_penalty = 2,
                                 .frequency_penalty = 2,
                                 .repetition_penalty = 2,
                                 .logit_bias = {{99, 100.0F}},
                                 .allowed_token_ids = std::vector<TokenId>(kVocabSize, 99),
                                 .bad_words = std::vector<std::vector<TokenId>>(
                                     kMaxBadWords, std::vector<TokenId>(kMaxBadWordTokens, 99)),
                                 .min_tokens = std::numeric_limits<std::int64_t>::max()};
  EXPECT_TRUE(largest.check(kVocabSize));
}

TEST(SamplingSettingsTest, PlainGreedyMeansThatNoRuleTouchesALogit) {
  EXPECT_TRUE(SamplingSettings{}.plain_greedy());
  EXPECT_TRUE((SamplingSettings{.temperature = 9e-6}.plain_greedy()));
  EXPECT_FALSE((SamplingSettings{.temperature = 1e-5}.greedy()));
  const SamplingSettings no_matter{.top_k = 3, .top_p = 0.5, .min_p = 0.5, .seed = 7};
  EXPECT_TRUE(no_matter.plain_greedy()) << "none of them can cut the likeliest token off";

  const SamplingSettings rules[] = {
      {.presence_penalty = 1},
      {.frequency_penalty = -1},
      {.repetition_penalty = 0.5},
      {.logit_bias = {{1, 1.0F}}},
      {.allowed_token_ids = {1}},
      {.bad_words = {{1}}},
      {.min_tokens = 1},
      {.constraint = std::make_shared<PredicateConstraint>([](auto, TokenId) { return true; })}};
  for (const SamplingSettings& settings : rules) {
    EXPECT_TRUE(settings.greedy());
    EXPECT_FALSE(settings.plain_greedy());
    EXPECT_TRUE(settings.check(kVocabSize));
  }
}

}  // namespace
}  // namespace parapet
