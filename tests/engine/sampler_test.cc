#include "engine/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "engine/sampling_reference.h"

namespace parapet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TokenId sampled(const SamplingCase& request, std::uint64_t step = 0) {
  const auto token = Sampler().sample(request.context(step), request.settings);
  EXPECT_TRUE(token) << token.error().message;
  return token ? *token : -1;
}

// Every token that comes in many draws.
std::set<TokenId> support(const SamplingCase& request) {
  std::set<TokenId> tokens;
  for (std::uint64_t step = 0; step < 2'000; ++step) tokens.insert(sampled(request, step));
  return tokens;
}

// What the sampler draws at each of so many steps is what the reference draws there.
void expect_reference_draws(const SamplingCase& request, std::uint64_t steps) {
  Sampler sampler;
  const std::vector<double> probabilities = reference_probabilities(request);
  for (std::uint64_t step = 0; step < steps; ++step) {
    const auto token = sampler.sample(request.context(step), request.settings);
    ASSERT_TRUE(token) << token.error().message;
    const double uniform = uniform_random(request.settings.seed, step);
    ASSERT_EQ(*token, reference_draw(probabilities, uniform)) << "step " << step;
  }
}

TEST(UniformRandomTest, IsFrozen) {
  // Computed from the definition of SplitMix64 in integers; answers of old requests depend on it.
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(uniform_random(0, 0), 0x1.4e0dba5e9a32fp-1);
  EXPECT_EQ(uniform_random(0, 1), 0x1.6705460be8829p-1);
  EXPECT_EQ(uniform_random(1, 0), 0x1.7906ac21d0e58p-2);
  EXPECT_EQ(uniform_random(42, 7), 0x1.782d47a99890cp-1);
  EXPECT_EQ(uniform_random(17, std::uint64_t{1} << 40), 0x1.ae40c41f23fdcp-3);
  EXPECT_EQ(uniform_random(kLast, kLast), 0x1.1140638c16042p-2);
}

TEST(UniformRandomTest, SeedsNameSequencesThatAreNotShifts) {
  for (std::uint64_t step = 0; step < 50; ++step) {
    for (std::uint64_t other = 0; other < 50; ++other) {
      EXPECT_NE(uniform_random(1, step), uniform_random(2, other));
    }
  }
}

TEST(UniformRandomTest, IsUniform) {
  constexpr int kDraws = 100'000;
  std::vector<int> buckets(20);
  for (std::uint64_t step = 0; step < kDraws; ++step) {
    const double u = uniform_random(99, step);
    ASSERT_TRUE(u >= 0 && u < 1);
    ++buckets[static_cast<std::size_t>(u * 20)];
  }
  for (const int count : buckets) EXPECT_NEAR(count, kDraws / 20.0, 400);
}

struct SamplerCase {
  const char* name;
  SamplingSettings settings;
};

class SamplerDistributionTest : public testing::TestWithParam<SamplerCase> {
 protected:
  const SamplingCase request_{
      .logits = {0.5F, 2, -1, 2, 0, 3, -kInfinity, 1.25F, -2},
      .settings = GetParam().settings,
      .prompt = {5, 4, 4},
      .output = {1, 7, 1},
      .stop_token_ids = {5},
  };
};

TEST_P(SamplerDistributionTest, DrawsWhatTheReferenceDraws) {
  expect_reference_draws(request_, 1'000);
}

// Pearson's test: what was cut off must never come, the rest as often as its probability says.
TEST_P(SamplerDistributionTest, FrequenciesAreTheProbabilities) {
  constexpr std::uint64_t kDraws = 40'000;
  const std::vector<double> probabilities = reference_probabilities(request_);
  std::vector<double> counts(probabilities.size());
  Sampler sampler;
  for (std::uint64_t step = 0; step < kDraws; ++step) {
    const auto token = sampler.sample(request_.context(step), request_.settings);
    ASSERT_TRUE(token);
    counts.at(static_cast<std::size_t>(*token)) += 1;
  }
  double chi_square = 0;
  int categories = 0;
  for (std::size_t id = 0; id < counts.size(); ++id) {
    const double expected = probabilities[id] * static_cast<double>(kDraws);
    if (expected == 0) {
      EXPECT_EQ(counts[id], 0) << "token " << id;
      continue;
    }
    chi_square += (counts[id] - expected) * (counts[id] - expected) / expected;
    ++categories;
  }
  // Mean and variance of the distribution are its degrees of freedom, once and twice.
  const double freedom = categories - 1;
  EXPECT_LE(chi_square, freedom + 4 * std::sqrt(2 * freedom));
}

INSTANTIATE_TEST_SUITE_P(
    Settings, SamplerDistributionTest,
    testing::Values(
        SamplerCase{"plain", {.temperature = 1, .seed = 1}},
        SamplerCase{"hot", {.temperature = 2.5, .seed = 2}},
        SamplerCase{"cold", {.temperature = 0.3, .seed = 3}},
        SamplerCase{"top1", {.temperature = 1, .top_k = 1, .seed = 4}},
        SamplerCase{"top2_cuts_a_tie", {.temperature = 1, .top_k = 2, .seed = 5}},
        SamplerCase{"top_k_of_all", {.temperature = 1, .top_k = 100, .seed = 6}},
        SamplerCase{"nucleus", {.temperature = 1, .top_p = 0.8, .seed = 7}},
        SamplerCase{"tiny_nucleus", {.temperature = 1, .top_p = 1e-9, .seed = 8}},
        SamplerCase{"top_k_and_top_p", {.temperature = 1.5, .top_k = 5, .top_p = 0.9, .seed = 9}},
        SamplerCase{"min_p", {.temperature = 1, .min_p = 0.2, .seed = 10}},
        SamplerCase{"min_p_of_the_largest", {.temperature = 1, .min_p = 1, .seed = 11}},
        SamplerCase{"penalties",
                    {.temperature = 1,
                     .seed = 12,
                     .presence_penalty = 0.5,
                     .frequency_penalty = 0.25,
                     .repetition_penalty = 1.5}},
        SamplerCase{"bias", {.temperature = 1, .seed = 13, .logit_bias = {{5, -2.0F}, {8, 4.0F}}}},
        SamplerCase{"min_tokens", {.temperature = 1, .seed = 14, .min_tokens = 4}},
        SamplerCase{"allowed", {.temperature = 1, .seed = 15, .allowed_token_ids = {0, 3, 6}}},
        SamplerCase{"bad_words", {.temperature = 1, .seed = 16, .bad_words = {{5}, {7, 1, 3}}}}),
    [](const auto& instance) { return instance.param.name; });

// Logits, biases and penalties are small dyadic numbers: floats and doubles agree on them exactly,
// and many tokens tie.
class RandomCase {
 public:
  explicit RandomCase(unsigned seed) : random_(seed) {}

  SamplingCase make() {
    vocab_size_ = 1 + below(24);
    SamplingCase request;
    for (int id = 0; id < vocab_size_; ++id) {
      request.logits.push_back(below(10) == 0 ? -kInfinity : quarters(-12, 12));
    }
    request.logits[static_cast<std::size_t>(token())] = 1;  // at least one is finite
    request.prompt = tokens(below(8));
    request.output = tokens(below(8));
    request.stop_token_ids = tokens(below(3));
    choose_rules(request.settings);
    choose_draw(request.settings);
    return request;
  }

 private:
  int below(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }
  bool maybe() { return below(3) == 0; }
  TokenId token() { return below(vocab_size_); }
  float quarters(int low, int high) { return static_cast<float>(low + below(high - low + 1)) / 4; }
  std::vector<TokenId> tokens(int count) {
    std::vector<TokenId> ids(static_cast<std::size_t>(count));
    for (TokenId& id : ids) id = token();
    return ids;
  }

  void choose_rules(SamplingSettings& settings) {
    if (maybe()) settings.presence_penalty = quarters(-8, 8);
    if (maybe()) settings.frequency_penalty = quarters(-8, 8);
    if (maybe()) settings.repetition_penalty = std::ldexp(1, below(4) - 2);
    if (maybe()) settings.logit_bias = {{token(), quarters(-8, 8)}};
    if (maybe()) settings.allowed_token_ids = tokens(1 + below(vocab_size_));
    if (maybe()) settings.bad_words = {tokens(1), tokens(1 + below(2))};
    if (maybe()) settings.min_tokens = below(10);
    if (!maybe()) return;
    const int divisor = 2 + below(3);
    settings.constraint =
        std::make_shared<PredicateConstraint>([=](std::span<const TokenId> output, TokenId id) {
          return (id + static_cast<TokenId>(output.size())) % divisor != 0;
        });
  }

  void choose_draw(SamplingSettings& settings) {
    constexpr double kTemperatures[] = {0, 9e-6, 1e-5, 0.004, 0.3, 1, 2.5};
    settings.temperature = kTemperatures[below(7)];
    settings.seed = random_();
    std::uniform_real_distribution<double> share(0.01, 1);
    if (maybe()) settings.min_p = share(random_);
    if (maybe()) settings.top_k = 1 + below(vocab_size_ + 2);
    if (maybe()) settings.top_p = share(random_);
  }

  std::mt19937 random_;
  int vocab_size_ = 1;
};

TEST(SamplerTest, RandomMixesOfAllSettingsAgreeWithTheReference) {
  RandomCase cases(2024);
  Sampler used;  // what it did before must not matter
  int refused = 0;
  int one_token = 0;
  int many_tokens = 0;
  for (int i = 0; i < 3'000; ++i) {
    SCOPED_TRACE(i);
    const SamplingCase request = cases.make();
    ASSERT_TRUE(request.settings.check(std::ssize(request.logits)));
    const std::vector<double> probabilities = reference_probabilities(request);
    const auto left = std::count_if(probabilities.begin(), probabilities.end(),
                                    [](double probability) { return probability > 0; });
    ++(left == 0 ? refused : left == 1 ? one_token : many_tokens);
    for (std::uint64_t step = 0; step < 32; ++step) {
      const auto token = used.sample(request.context(step), request.settings);
      ASSERT_EQ(token.ok(), left > 0);
      if (!token) {
        ASSERT_EQ(token.error().code, ErrorCode::kInvalidArgument);
        continue;
      }
      const double uniform = uniform_random(request.settings.seed, step);
      ASSERT_EQ(*token, reference_draw(probabilities, uniform));
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(one_token, 500);
  EXPECT_GT(many_tokens, 500);
}

TEST(SamplerTest, LargeNucleusOfALargeVocabulary) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  SamplingCase request{.logits = std::vector<float>(20'000)};
  for (float& logit : request.logits) logit = normal(random);
  request.settings = {.temperature = 1, .top_p = 0.95, .seed = 3};
  expect_reference_draws(request, 50);
  request.settings.top_k = 5'000;
  expect_reference_draws(request, 50);
  request.settings.min_p = 0.1;
  expect_reference_draws(request, 50);
}

TEST(SamplerTest, GreedyTakesTheLargestLogitAfterTheRules) {
  SamplingCase request{.logits = {1, 3, 2.5F, 3}};
  EXPECT_EQ(sampled(request), 1) << "of equal ones the smaller id";
  request.output = {1};
  request.settings.presence_penalty = 0.25;
  EXPECT_EQ(sampled(request), 3);
  request.settings.logit_bias = {{2, 1.0F}};
  EXPECT_EQ(sampled(request), 2);
  request.settings.bad_words = {{1, 2}};
  EXPECT_EQ(sampled(request), 3);
  request.settings.temperature = 9e-6;
  request.settings.top_p = 0.5;
  EXPECT_EQ(sampled(request, 17), 3);
}

TEST(SamplerTest, SmallTemperaturesAreRaised) {
  // At 0.01 the second comes in every sixth draw; at a tenth of that, never.
  SamplingCase request{.logits = {1, 1 - 0x1p-6F}, .settings = {.temperature = 1e-5, .seed = 1}};
  EXPECT_THAT(support(request), ElementsAre(0, 1));
  request.settings.temperature = 9e-6;
  EXPECT_THAT(support(request), ElementsAre(0));
}

TEST(SamplerTest, TemperatureComesBeforeMinP) {
  const SamplingSettings settings{.temperature = 2, .min_p = 0.5};
  EXPECT_THAT(support({.logits = {0, -1}, .settings = settings}), ElementsAre(0, 1))
      << "exp(-1/2) is above one half; exp(-1) is not";
}

TEST(SamplerTest, MinPLooksAtTheLargestAfterTheRules) {
  SamplingCase request{.logits = {9, 1, 0}, .settings = {.temperature = 1, .min_p = 0.3}};
  EXPECT_THAT(support(request), ElementsAre(0));
  request.settings.bad_words = {{0}};
  EXPECT_THAT(support(request), ElementsAre(1, 2));
}

TEST(SamplerTest, TopPEndsWhereItIsReached) {
  SamplingCase request{.logits = {0, 0, 0, 0}, .settings = {.temperature = 1, .top_p = 0.5}};
  EXPECT_THAT(support(request), ElementsAre(0, 1)) << "half of the probability, exactly";
  request.settings.top_p = 0.5 + 1e-9;
  EXPECT_THAT(support(request), ElementsAre(0, 1, 2));
}

TEST(SamplerTest, TopPLooksAtWhatTopKAndMinPLeft) {
  // Probabilities 0.4 and three times 0.2.
  SamplingCase request{.logits = {std::log(2.0F), 0, 0, 0}};
  request.settings = {.temperature = 1, .top_p = 0.6 - 1e-6};
  EXPECT_THAT(support(request), ElementsAre(0, 1));
  request.settings.top_k = 2;
  EXPECT_THAT(support(request), ElementsAre(0)) << "two thirds of what top_k left";
  request.logits = {std::log(2.0F), 0, -1, -1, -1, -1};
  request.settings.top_k = 0;
  EXPECT_THAT(support(request), ElementsAre(0, 1));
  request.settings.min_p = 0.4;
  EXPECT_THAT(support(request), ElementsAre(0)) << "two thirds of what min_p left";
}

TEST(SamplerTest, SameSeedAndStepGiveTheSameToken) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  SamplingCase request{.logits = std::vector<float>(5'000)};
  for (float& logit : request.logits) logit = normal(random);
  request.settings = {.temperature = 1, .seed = 17};
  Sampler used;
  std::set<TokenId> distinct;
  for (std::uint64_t step = 0; step < 200; ++step) {
    const auto token = used.sample(request.context(step), request.settings);
    ASSERT_TRUE(token);
    EXPECT_EQ(*token, sampled(request, step));
    distinct.insert(*token);
  }
  EXPECT_GT(distinct.size(), 150U);
}

TEST(SamplerTest, ExtremeTemperaturesStayFinite) {
  SamplingCase request{.logits = {1, 1.5F, -3e38F, 1.25F}};
  request.settings.temperature = 1e-300;
  EXPECT_THAT(support(request), ElementsAre(1));
  request.settings.temperature = 0.01;
  EXPECT_THAT(support(request), ElementsAre(1));
  request.settings.temperature = 1e300;
  EXPECT_THAT(support(request), ElementsAre(0, 1, 2, 3));
}

TEST(SamplerTest, RefusesLogitsThatAreNotNumbers) {
  const float nan = std::nanf("");
  const std::vector<std::vector<float>> broken{
      {1, nan}, {nan, 1}, {1, kInfinity}, {-kInfinity, -kInfinity}, {}};
  const SamplingSettings each_way[] = {{}, {.temperature = 1}, {.temperature = 1, .min_tokens = 1}};
  for (const std::vector<float>& logits : broken) {
    for (const SamplingSettings& settings : each_way) {
      const SamplingCase request{.logits = logits, .settings = settings};
      const auto token = Sampler().sample(request.context(), settings);
      ASSERT_FALSE(token);
      EXPECT_EQ(token.error().code, ErrorCode::kNumeric);
    }
  }
}

TEST(SamplerTest, RulesThatLeaveNothingFailTheRequestAlone) {
  Sampler sampler;
  SamplingCase request{.logits = {1, 2}, .settings = {.bad_words = {{0}}, .min_tokens = 1}};
  request.stop_token_ids = {1};
  for (const double temperature : {0.0, 1.0}) {
    request.settings.temperature = temperature;
    const auto token = sampler.sample(request.context(), request.settings);
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(token.error().message, HasSubstr("bad_words and min_tokens"));
  }
  const auto next = sampler.sample(request.context(), {});
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, 1);
}

}  // namespace
}  // namespace parapet
