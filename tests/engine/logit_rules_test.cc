#include "engine/logit_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "engine/sampling_reference.h"

namespace parapet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kBanned = -std::numeric_limits<float>::infinity();

std::vector<float> adjusted(const SamplingCase& request) {
  std::vector<float> logits = request.logits;
  const Status status = LogitRules().apply(request.context(), request.settings, logits);
  EXPECT_TRUE(status) << status.error().message;
  return logits;
}

std::string refusal(const SamplingCase& request) {
  std::vector<float> logits = request.logits;
  const Status status = LogitRules().apply(request.context(), request.settings, logits);
  if (status) return "accepted";
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  return status.error().message;
}

std::shared_ptr<const TokenConstraint> only(TokenId token) {
  return std::make_shared<PredicateConstraint>([=](auto, TokenId id) { return id == token; });
}

TEST(LogitRulesTest, ConstraintIsAskedAboutTheOutput) {
  // No token may follow itself.
  const auto constraint =
      std::make_shared<PredicateConstraint>([](std::span<const TokenId> output, TokenId id) {
        return output.empty() || output.back() != id;
      });
  SamplingCase request{.logits = {1, 2, 3}, .settings = {.constraint = constraint}};
  request.prompt = {2};
  EXPECT_THAT(adjusted(request), ElementsAre(1, 2, 3));
  request.output = {0, 1};
  EXPECT_THAT(adjusted(request), ElementsAre(1, kBanned, 3));
}

TEST(LogitRulesTest, AllowedTokensAreTheOnlyOnes) {
  EXPECT_THAT(adjusted({.logits = {1, 2, 3, 4}, .settings = {.allowed_token_ids = {3, 1, 3}}}),
              ElementsAre(kBanned, 2, kBanned, 4));
}

TEST(LogitRulesTest, ConstraintAndAllowedTokensBothHold) {
  const auto not_last =
      std::make_shared<PredicateConstraint>([](auto, TokenId id) { return id != 3; });
  EXPECT_THAT(adjusted({.logits = {1, 2, 3, 4},
                        .settings = {.allowed_token_ids = {1, 3}, .constraint = not_last}}),
              ElementsAre(kBanned, 2, kBanned, kBanned));
}

TEST(LogitRulesTest, BadWordsBanTheTokenThatWouldCompleteThem) {
  SamplingCase request{.logits = {1, 2, 3, 4}, .settings = {.bad_words = {{0}, {2, 2, 1}, {1, 3}}}};
  EXPECT_THAT(adjusted(request), ElementsAre(kBanned, 2, 3, 4));
  request.output = {2};  // too short for the second word
  EXPECT_THAT(adjusted(request), ElementsAre(kBanned, 2, 3, 4));
  request.output = {1, 2, 2};
  EXPECT_THAT(adjusted(request), ElementsAre(kBanned, kBanned, 3, 4));
  request.output = {2, 2, 0};  // the beginning is there, but not at the end
  EXPECT_THAT(adjusted(request), ElementsAre(kBanned, 2, 3, 4));
  request.output = {1};
  EXPECT_THAT(adjusted(request), ElementsAre(kBanned, 2, 3, kBanned));
  request.output = {};
  request.prompt = {1};  // words of the prompt do not count
  EXPECT_THAT(adjusted(request), ElementsAre(kBanned, 2, 3, 4));
}

TEST(LogitRulesTest, StopTokensWaitForMinTokens) {
  SamplingCase request{.logits = {1, 2, 3}, .settings = {.min_tokens = 2}};
  request.stop_token_ids = {2, 0, 7, -1};  // some are no tokens of this vocabulary
  EXPECT_THAT(adjusted(request), ElementsAre(kBanned, 2, kBanned));
  request.output = {1};
  EXPECT_THAT(adjusted(request), ElementsAre(kBanned, 2, kBanned));
  request.output = {1, 1};
  EXPECT_THAT(adjusted(request), ElementsAre(1, 2, 3));
}

TEST(LogitRulesTest, BiasIsAdded) {
  EXPECT_THAT(adjusted({.logits = {1, 2, 3}, .settings = {.logit_bias = {{2, -4.5F}, {0, 100}}}}),
              ElementsAre(101, 2, -1.5F));
}

TEST(LogitRulesTest, RepetitionPenaltyCountsATokenOnceWhereverItStands) {
  SamplingCase request{.logits = {3, -3, 5, 0, -1}, .settings = {.repetition_penalty = 2}};
  request.prompt = {0, 3, 0};
  request.output = {1, 0, 1};
  EXPECT_THAT(adjusted(request), ElementsAre(1.5F, -6, 5, 0, -1));
  request.settings.repetition_penalty = 0.5;
  EXPECT_THAT(adjusted(request), ElementsAre(6, -1.5F, 5, 0, -1));
}

TEST(LogitRulesTest, FrequencyAndPresencePenaltiesLookAtTheOutputAlone) {
  SamplingCase request{.logits = {1, 1, 1, 1}};
  request.prompt = {0, 3, 3};
  request.output = {1, 2, 1, 1};
  request.settings.frequency_penalty = 0.5;
  EXPECT_THAT(adjusted(request), ElementsAre(1, -0.5F, 0.5F, 1));
  request.settings.presence_penalty = 1;
  EXPECT_THAT(adjusted(request), ElementsAre(1, -1.5F, -0.5F, 1));
  request.settings.frequency_penalty = 0;
  EXPECT_THAT(adjusted(request), ElementsAre(1, 0, 0, 1));
  request.settings.presence_penalty = -2;
  EXPECT_THAT(adjusted(request), ElementsAre(1, 3, 3, 1));
}

TEST(LogitRulesTest, BiasComesBeforeTheRepetitionPenalty) {
  SamplingCase request{.logits = {-1}, .prompt = {0}};
  request.settings = {.repetition_penalty = 2, .logit_bias = {{0, 2.0F}}};
  EXPECT_THAT(adjusted(request), ElementsAre(0.5F)) << "the other way round it is 0";
}

TEST(LogitRulesTest, RepetitionPenaltyComesBeforeTheOthers) {
  SamplingCase request{.logits = {2}, .output = {0}};
  request.settings = {.frequency_penalty = 1, .repetition_penalty = 2};
  EXPECT_THAT(adjusted(request), ElementsAre(0)) << "the other way round it is 0.5";
  request.settings = {.presence_penalty = 1, .repetition_penalty = 2};
  EXPECT_THAT(adjusted(request), ElementsAre(0));
}

TEST(LogitRulesTest, WhatIsBannedStaysBanned) {
  SamplingCase request{.logits = {1, 2, kBanned}, .output = {1}};
  request.settings = {.presence_penalty = -2,
                      .frequency_penalty = -2,
                      .repetition_penalty = 0.5,
                      .logit_bias = {{1, 100.0F}, {2, 100.0F}},
                      .allowed_token_ids = {0, 2}};
  EXPECT_THAT(adjusted(request), ElementsAre(1, kBanned, kBanned));
}

TEST(LogitRulesTest, LargeLogitsStayFinite) {
  constexpr float kMax = std::numeric_limits<float>::max();
  SamplingCase request{.logits = {kMax, -kMax, 1}, .prompt = {0, 1, 2}};
  request.settings.repetition_penalty = 2;
  EXPECT_THAT(adjusted(request), ElementsAre(kMax / 2, -kMax, 0.5F));
  request.settings.repetition_penalty = std::numeric_limits<double>::min();
  EXPECT_THAT(adjusted(request), ElementsAre(kMax, 0, kMax));
}

TEST(LogitRulesTest, RulesThatLeaveNothingAreNamed) {
  SamplingCase request{.logits = {1, 2}, .settings = {.allowed_token_ids = {0}}, .output = {1, 1}};
  request.settings.constraint = only(1);
  EXPECT_THAT(refusal(request), HasSubstr("no token is left for output token 2 by constraint and "
                                          "allowed_token_ids, expected at least one"));
  request.settings = {.bad_words = {{1}}, .min_tokens = 3};
  request.stop_token_ids = {0};
  EXPECT_THAT(refusal(request), HasSubstr("by bad_words and min_tokens,"));
  request.settings.allowed_token_ids = {0, 1};
  EXPECT_THAT(refusal(request), HasSubstr("by allowed_token_ids, bad_words and min_tokens,"));
  request.settings = {.constraint = only(5)};
  EXPECT_THAT(refusal(request), HasSubstr("by constraint,"));
}

TEST(LogitRulesTest, TokensOutsideTheVocabularyAreABug) {
  const SamplingCase cases[] = {
      {.logits = {1}, .settings = {.logit_bias = {{1, 0.0F}}}},
      {.logits = {1}, .settings = {.allowed_token_ids = {-1}}},
      {.logits = {1}, .settings = {.bad_words = {{1}}}},
      {.logits = {1}, .settings = {.repetition_penalty = 2}, .prompt = {1}},
      {.logits = {1}, .settings = {.presence_penalty = 1}, .output = {1}},
  };
  for (const SamplingCase& request : cases) {
    std::vector<float> logits = request.logits;
    EXPECT_THROW((void)LogitRules().apply(request.context(), request.settings, logits),
                 InternalError);
  }
}

}  // namespace
}  // namespace parapet
