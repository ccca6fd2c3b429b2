#include "engine/sampling_reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

namespace parapet {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool ends_with(std::vector<TokenId> tokens, const std::vector<TokenId>& word, TokenId next) {
  tokens.push_back(next);
  if (word.size() > tokens.size()) return false;
  return std::vector<TokenId>(tokens.end() - std::ssize(word), tokens.end()) == word;
}

bool banned(const SamplingCase& request, TokenId id) {
  const SamplingSettings& settings = request.settings;
  if (settings.constraint) {
    TokenMask mask(std::ssize(request.logits));
    settings.constraint->allow(request.output, mask);
    if (!mask.test(id)) return true;
  }
  const std::set<TokenId> allowed(settings.allowed_token_ids.begin(),
                                  settings.allowed_token_ids.end());
  if (!allowed.empty() && !allowed.contains(id)) return true;
  for (const std::vector<TokenId>& word : settings.bad_words) {
    if (ends_with(request.output, word, id)) return true;
  }
  const std::set<TokenId> stops(request.stop_token_ids.begin(), request.stop_token_ids.end());
  return std::ssize(request.output) < settings.min_tokens && stops.contains(id);
}

// Most likely first, ids rising among equals.
std::vector<std::size_t> by_likelihood(const std::vector<double>& logits) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  return order;
}

void normalize(std::vector<double>& probabilities) {
  const double total = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  for (double& probability : probabilities) probability /= total;
}

}  // namespace

std::vector<double> reference_logits(const SamplingCase& request) {
  const SamplingSettings& settings = request.settings;
  std::vector<double> logits(request.logits.begin(), request.logits.end());
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (banned(request, static_cast<TokenId>(id))) logits[id] = -kInfinity;
  }
  for (const auto& [id, bias] : settings.logit_bias)
    logits.at(static_cast<std::size_t>(id)) += bias;
  std::set<TokenId> seen(request.prompt.begin(), request.prompt.end());
  seen.insert(request.output.begin(), request.output.end());
  for (const TokenId id : seen) {
    double& logit = logits.at(static_cast<std::size_t>(id));
    logit = logit > 0 ? logit / settings.repetition_penalty : logit * settings.repetition_penalty;
  }
  std::map<TokenId, int> counts;
  for (const TokenId id : request.output) ++counts[id];
  for (const auto& [id, count] : counts) {
    logits.at(static_cast<std::size_t>(id)) -=
        settings.frequency_penalty * count + settings.presence_penalty;
  }
  return logits;
}

std::vector<double> reference_probabilities(const SamplingCase& request) {
  const SamplingSettings& settings = request.settings;
  const std::vector<double> logits = reference_logits(request);
  const std::vector<std::size_t> order = by_likelihood(logits);
  std::vector<double> probabilities(logits.size());
  const double largest = logits[order[0]];
  if (largest == -kInfinity) return probabilities;
  if (settings.temperature < 1e-5) {
    probabilities[order[0]] = 1;
    return probabilities;
  }
  const double temperature = std::max(settings.temperature, 0.01);
  for (std::size_t id = 0; id < logits.size(); ++id) {
    probabilities[id] = std::exp((logits[id] - largest) / temperature);
  }
  normalize(probabilities);

  const double least = settings.min_p * probabilities[order[0]];
  for (double& probability : probabilities) {
    if (probability < least) probability = 0;
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (settings.top_k > 0 && static_cast<std::int64_t>(i) >= settings.top_k) {
      probabilities[order[i]] = 0;
    }
  }
  normalize(probabilities);

  double held = 0;
  for (const std::size_t id : order) {
    const double probability = probabilities[id];
    if (settings.top_p < 1 && held >= settings.top_p) probabilities[id] = 0;
    held += probability;
  }
  normalize(probabilities);
  return probabilities;
}

TokenId reference_draw(const std::vector<double>& probabilities, double uniform) {
  double passed = 0;
  for (std::size_t id = 0; id < probabilities.size(); ++id) {
    passed += probabilities[id];
    if (passed > uniform) return static_cast<TokenId>(id);
  }
  return -1;
}

}  // namespace parapet
