#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/check.h"

namespace parapet {
namespace {

constexpr std::uint64_t kGoldenGamma = 0x9e3779b97f4a7c15U;  // 2^64 / golden ratio, odd

// SplitMix64's finaliser (Steele, Lea and Flood 2014).
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

Error refused(const char* field, const std::string& value, const char* expected) {
  return {ErrorCode::kInvalidArgument,
          std::string(field) + " is " + value + ", expected " + expected};
}

}  // namespace

double uniform_random(std::uint64_t seed, std::uint64_t step) {
  // The seed is mixed first: else neighbouring seeds would walk one sequence, shifted.
  const std::uint64_t bits = mix(mix(seed + kGoldenGamma) + (step + 1) * kGoldenGamma);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

Status SamplingSettings::check() const {
  if (!std::isfinite(temperature) || temperature < 0) {
    return refused("temperature", std::to_string(temperature), "a finite number of at least 0");
  }
  if (top_k < 0) return refused("top_k", std::to_string(top_k), "0 (all tokens) or more");
  if (!(top_p > 0 && top_p <= 1)) {
    return refused("top_p", std::to_string(top_p), "more than 0 and at most 1");
  }
  return {};
}

Result<TokenId> Sampler::sample(std::span<const float> logits, const SamplingSettings& settings,
                                std::uint64_t step) {
  PARAPET_CHECK(!settings.greedy());
  PARAPET_TRY(load(logits));
  keep_top_k(settings.top_k);
  const double total = weigh(settings.temperature);
  return draw(total, settings.top_p, uniform_random(settings.seed, step));
}

// A total order: ties have one answer.
bool Sampler::more_likely(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

Status Sampler::load(std::span<const float> logits) {
  candidates_.clear();
  float largest = -std::numeric_limits<float>::infinity();
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (std::isnan(logits[id])) {
      return Error{ErrorCode::kNumeric, "the logit of token " + std::to_string(id) + " is NaN"};
    }
    largest = std::max(largest, logits[id]);
    candidates_.push_back({0.0, logits[id], static_cast<TokenId>(id)});
  }
  if (!std::isfinite(largest)) {
    return Error{ErrorCode::kNumeric, "the largest logit is " + std::to_string(largest)};
  }
  return {};
}

void Sampler::keep_top_k(std::int64_t top_k) {
  if (top_k == 0 || top_k >= std::ssize(candidates_)) return;
  std::partial_sort(candidates_.begin(), candidates_.begin() + top_k, candidates_.end(),
                    more_likely);
  candidates_.resize(static_cast<std::size_t>(top_k));
}

double Sampler::weigh(double temperature) {
  double largest = candidates_.front().logit;
  for (const Candidate& candidate : candidates_) {
    largest = std::max<double>(largest, candidate.logit);
  }
  double total = 0;
  for (Candidate& candidate : candidates_) {
    candidate.weight = std::exp((candidate.logit - largest) / temperature);
    total += candidate.weight;
  }
  return total;
}

// Takes likely tokens off a heap only until they suffice: that is mostly a few of many thousands.
TokenId Sampler::draw(double total, double top_p, double uniform) {
  const auto less_likely = [](const Candidate& a, const Candidate& b) { return more_likely(b, a); };
  std::make_heap(candidates_.begin(), candidates_.end(), less_likely);
  auto heap_end = candidates_.end();  // from here to the end: what was taken, most likely last
  double taken = 0;
  const auto take = [&] {
    std::pop_heap(candidates_.begin(), heap_end, less_likely);
    --heap_end;
    taken += heap_end->weight;
  };
  if (top_p < 1) {
    while (taken < top_p * total && heap_end != candidates_.begin()) take();
    total = taken;
  }
  const double target = uniform * total;
  while (taken <= target && heap_end != candidates_.begin()) take();
  double passed = 0;
  for (auto candidate = candidates_.end(); candidate != heap_end;) {
    --candidate;
    passed += candidate->weight;
    if (passed > target) return candidate->id;
  }
  return candidates_.back().id;  // rounding left nothing above the target
}

}  // namespace parapet
