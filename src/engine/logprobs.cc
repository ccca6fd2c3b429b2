#include "engine/logprobs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "engine/logit_check.h"

namespace parapet {
namespace {

float logit_of(TokenId id, std::span<const float> logits) {
  return logits[static_cast<std::size_t>(id)];
}

// log(sum(exp(logits))), apart from the largest logit: added to it, digits would be lost.
struct Normalizer {
  double largest = -std::numeric_limits<double>::infinity();
  double log_sum = 0;  // log(sum(exp(logit - largest)))

  float logprob(double logit) const { return static_cast<float>((logit - largest) - log_sum); }
};

// In one pass: the sum is rescaled whenever a larger logit turns up.
Normalizer normalizer_of(std::span<const float> logits) {
  Normalizer normalizer;
  double sum = 0;
  for (const double logit : logits) {
    if (logit > normalizer.largest) {
      sum = sum * std::exp(normalizer.largest - logit) + 1;
      normalizer.largest = logit;
    } else if (std::isfinite(logit)) {
      sum += std::exp(logit - normalizer.largest);
    }
  }
  normalizer.log_sum = std::log(sum);
  return normalizer;
}

std::vector<TokenId> most_likely(std::span<const float> logits, std::int64_t k) {
  std::vector<TokenId> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto end = ids.begin() + std::min(k, std::ssize(ids));
  std::partial_sort(ids.begin(), end, ids.end(), [&](TokenId a, TokenId b) {
    const float logit_a = logit_of(a, logits);
    const float logit_b = logit_of(b, logits);
    return logit_a != logit_b ? logit_a > logit_b : a < b;
  });
  ids.erase(end, ids.end());
  return ids;
}

}  // namespace

Result<std::vector<float>> logprobs_of(std::span<const float> logits,
                                       std::span<const TokenId> ids) {
  PARAPET_TRY(check_logits(logits));
  const Normalizer normalizer = normalizer_of(logits);
  std::vector<float> logprobs;
  logprobs.reserve(ids.size());
  for (const TokenId id : ids) {
    PARAPET_CHECK(id >= 0 && id < std::ssize(logits));
    logprobs.push_back(normalizer.logprob(logit_of(id, logits)));
  }
  return logprobs;
}

Result<std::vector<TokenLogprob>> top_logprobs(std::span<const float> logits, std::int64_t k,
                                               TokenId chosen) {
  PARAPET_CHECK(k >= kAllTokens && chosen >= 0 && chosen < std::ssize(logits));
  PARAPET_TRY(check_logits(logits));
  const Normalizer normalizer = normalizer_of(logits);
  const float chosen_logit = logit_of(chosen, logits);
  const auto larger = std::count_if(logits.begin(), logits.end(),
                                    [=](float logit) { return logit > chosen_logit; });
  std::vector<TokenLogprob> tokens{{chosen, normalizer.logprob(chosen_logit), larger + 1}};
  if (k == 0) return tokens;
  const std::vector<TokenId> top = most_likely(logits, k == kAllTokens ? std::ssize(logits) : k);
  std::int64_t rank = 1;
  for (std::size_t i = 0; i < top.size(); ++i) {
    const float logit = logit_of(top[i], logits);
    if (i > 0 && logit < logit_of(top[i - 1], logits)) rank = static_cast<std::int64_t>(i) + 1;
    tokens.push_back({top[i], normalizer.logprob(logit), rank});
  }
  return tokens;
}

}  // namespace parapet
