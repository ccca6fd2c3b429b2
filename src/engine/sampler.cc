#include "engine/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "engine/logit_check.h"

namespace parapet {
namespace {

constexpr std::uint64_t kGoldenGamma = 0x9e3779b97f4a7c15U;  // 2^64 / golden ratio, odd

// SplitMix64's finaliser (Steele, Lea and Flood 2014).
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

constexpr double kLeastTemperature = 0.01;

// Top-p mostly needs a few tokens of many thousands, so they are sorted in growing runs.
constexpr std::ptrdiff_t kFirstRun = 128;
constexpr std::ptrdiff_t kRunGrowth = 4;

}  // namespace

double uniform_random(std::uint64_t seed, std::uint64_t step) {
  // The seed is mixed first: else neighbouring seeds would walk one sequence, shifted.
  const std::uint64_t bits = mix(mix(seed + kGoldenGamma) + (step + 1) * kGoldenGamma);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

Result<TokenId> Sampler::sample(const SamplingContext& context, const SamplingSettings& settings) {
  PARAPET_TRY(check_logits(context.logits));
  std::span<const float> logits = context.logits;
  if (settings.adjusts_logits()) {
    adjusted_.assign(logits.begin(), logits.end());
    PARAPET_TRY(rules_.apply(context, settings, adjusted_));
    logits = adjusted_;
  }
  const auto largest = std::max_element(logits.begin(), logits.end());  // the first, of equal ones
  if (settings.greedy()) return static_cast<TokenId>(largest - logits.begin());
  weigh(logits, *largest, settings);
  keep_top_k(settings.top_k);
  keep_top_p(settings.top_p);
  return draw(uniform_random(settings.seed, context.step));
}

// A total order: ties have one answer.
bool Sampler::more_likely(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

void Sampler::weigh(std::span<const float> logits, float largest,
                    const SamplingSettings& settings) {
  const double temperature = std::max(settings.temperature, kLeastTemperature);
  candidates_.clear();
  for (std::size_t id = 0; id < logits.size(); ++id) {
    const double weight = std::exp((double{logits[id]} - largest) / temperature);
    if (weight == 0 || weight < settings.min_p) continue;
    candidates_.push_back({weight, logits[id], static_cast<TokenId>(id)});
  }
}

void Sampler::keep_top_k(std::int64_t top_k) {
  if (top_k == 0 || top_k >= std::ssize(candidates_)) return;
  const auto end = candidates_.begin() + top_k;
  std::nth_element(candidates_.begin(), end - 1, candidates_.end(), more_likely);
  candidates_.erase(end, candidates_.end());
  restore_order();
}

void Sampler::keep_top_p(double top_p) {
  if (top_p == 1) return;
  const double enough = top_p * total_weight();
  double held = 0;
  auto candidate = candidates_.begin();
  for (std::ptrdiff_t run = kFirstRun; candidate != candidates_.end(); run *= kRunGrowth) {
    const auto run_end = candidate + std::min(run, candidates_.end() - candidate);
    if (run_end != candidates_.end()) {
      std::nth_element(candidate, run_end, candidates_.end(), more_likely);
    }
    std::sort(candidate, run_end, more_likely);
    while (candidate != run_end && held < enough) held += (candidate++)->weight;
    if (held >= enough) break;
  }
  candidates_.erase(candidate, candidates_.end());
  restore_order();
}

// Sums in the order of ids round the same whatever selected the summands.
void Sampler::restore_order() {
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
}

double Sampler::total_weight() const {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  return total;
}

TokenId Sampler::draw(double uniform) const {
  PARAPET_CHECK(!candidates_.empty());  // the likeliest stays in each step
  const double target = uniform * total_weight();
  double passed = 0;
  for (const Candidate& candidate : candidates_) {
    passed += candidate.weight;
    if (passed > target) return candidate.id;
  }
  return candidates_.back().id;  // rounding left nothing above the target
}

}  // namespace parapet
