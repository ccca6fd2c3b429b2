#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>

#include "base/check.h"

namespace parapet {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The same distribution by sorting everything: what the sampler must agree with.
std::vector<double> direct_probabilities(const std::vector<float>& logits,
                                         const SamplingSettings& settings) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  if (settings.top_k > 0 && settings.top_k < std::ssize(order)) {
    order.resize(static_cast<std::size_t>(settings.top_k));
  }
  std::vector<double> weights(logits.size());
  double total = 0;
  for (const std::size_t id : order) {
    weights[id] = std::exp((double{logits[id]} - logits[order[0]]) / settings.temperature);
    total += weights[id];
  }
  double kept = 0;
  for (const std::size_t id : order) {
    if (kept >= settings.top_p * total) weights[id] = 0;
    kept += weights[id];
  }
  for (double& weight : weights) weight /= kept;
  return weights;
}

std::vector<double> sampled_frequencies(const std::vector<float>& logits,
                                        const SamplingSettings& settings, std::uint64_t draws) {
  Sampler sampler;
  std::vector<double> frequencies(logits.size());
  for (std::uint64_t step = 0; step < draws; ++step) {
    const auto token = sampler.sample(logits, settings, step);
    EXPECT_TRUE(token) << token.error().message;
    frequencies.at(static_cast<std::size_t>(*token)) += 1;
  }
  for (double& frequency : frequencies) frequency /= static_cast<double>(draws);
  return frequencies;
}

struct SamplerCase {
  const char* name;
  SamplingSettings settings;
};

class SamplerDistributionTest : public testing::TestWithParam<SamplerCase> {};

TEST_P(SamplerDistributionTest, MatchesDirectComputation) {
  constexpr std::uint64_t kDraws = 40'000;
  const std::vector<float> logits{0.5F, 2.0F, -1.0F, 2.0F, 0.0F, 3.0F, -kInfinity, 1.25F, -2.0F};
  const SamplingSettings& settings = GetParam().settings;
  const std::vector<double> expected = direct_probabilities(logits, settings);
  const std::vector<double> actual = sampled_frequencies(logits, settings, kDraws);
  for (std::size_t id = 0; id < logits.size(); ++id) {
    // Five standard deviations of a binomial share; what was cut off must never come.
    const double deviation = std::sqrt(expected[id] * (1 - expected[id]) / kDraws);
    EXPECT_NEAR(actual[id], expected[id], 5 * deviation) << "token " << id;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Settings, SamplerDistributionTest,
    testing::Values(SamplerCase{"plain", {.temperature = 1, .seed = 1}},
                    SamplerCase{"hot", {.temperature = 2.5, .seed = 2}},
                    SamplerCase{"cold", {.temperature = 0.3, .seed = 3}},
                    SamplerCase{"top1", {.temperature = 1, .top_k = 1, .seed = 4}},
                    SamplerCase{"top2_cuts_a_tie", {.temperature = 1, .top_k = 2, .seed = 5}},
                    SamplerCase{"top_k_of_all", {.temperature = 1, .top_k = 100, .seed = 6}},
                    SamplerCase{"nucleus", {.temperature = 1, .top_p = 0.8, .seed = 7}},
                    SamplerCase{"tiny_nucleus", {.temperature = 1, .top_p = 1e-9, .seed = 8}},
                    SamplerCase{"both", {.temperature = 1.5, .top_k = 5, .top_p = 0.9, .seed = 9}}),
    [](const auto& instance) { return instance.param.name; });

TEST(SamplerTest, SameSeedAndStepGiveTheSameToken) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> logits(5'000);
  for (float& logit : logits) logit = normal(random);
  const SamplingSettings settings{.temperature = 1, .seed = 17};
  Sampler used;
  std::set<TokenId> distinct;
  for (std::uint64_t step = 0; step < 200; ++step) {
    const auto token = used.sample(logits, settings, step);
    const auto again = Sampler().sample(logits, settings, step);
    ASSERT_TRUE(token && again);
    EXPECT_EQ(*token, *again);
    distinct.insert(*token);
  }
  EXPECT_GT(distinct.size(), 150U);
}

TEST(SamplerTest, SeedsNameSequencesThatAreNotShifts) {
  for (std::uint64_t step = 0; step < 50; ++step) {
    for (std::uint64_t other = 0; other < 50; ++other) {
      EXPECT_NE(uniform_random(1, step), uniform_random(2, other));
    }
  }
}

TEST(SamplerTest, RandomNumbersAreUniform) {
  constexpr int kDraws = 100'000;
  std::vector<int> buckets(20);
  for (std::uint64_t step = 0; step < kDraws; ++step) {
    const double u = uniform_random(99, step);
    ASSERT_TRUE(u >= 0 && u < 1);
    ++buckets[static_cast<std::size_t>(u * 20)];
  }
  for (const int count : buckets) EXPECT_NEAR(count, kDraws / 20, 400);
}

TEST(SamplerTest, ExtremeTemperaturesStayFinite) {
  const std::vector<float> logits{1.0F, 1.5F, -3e38F, 1.25F};
  for (const double temperature : {1e-300, 1e-3, 1e300}) {
    const auto token = Sampler().sample(logits, {.temperature = temperature}, 0);
    ASSERT_TRUE(token);
    if (temperature < 1) {
      EXPECT_EQ(*token, 1);
    }
  }
}

TEST(SamplerTest, RefusesLogitsThatAreNotNumbers) {
  const SamplingSettings settings{.temperature = 1};
  const float nan = std::nanf("");
  const std::vector<std::vector<float>> broken{
      {1.0F, nan}, {nan, 1.0F}, {1.0F, kInfinity}, {-kInfinity, -kInfinity}, {}};
  for (const std::vector<float>& logits : broken) {
    const auto token = Sampler().sample(logits, settings, 0);
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, ErrorCode::kNumeric);
  }
}

TEST(SamplingSettingsTest, RefusesWhatHasNoMeaning) {
  EXPECT_TRUE(SamplingSettings{}.check());
  const SamplingSettings refused[] = {{.temperature = -0.1},
                                      {.temperature = std::nan("")},
                                      {.temperature = HUGE_VAL},
                                      {.top_k = -1},
                                      {.top_p = 0},
                                      {.top_p = 1.01},
                                      {.top_p = std::nan("")}};
  for (const SamplingSettings& settings : refused) {
    const Status status = settings.check();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace parapet
