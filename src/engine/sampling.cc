#include "engine/sampling.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/check.h"
#include "base/refusal.h"
#include "checkpoint/number_text.h"

namespace parapet {
namespace {

constexpr double kGreedyBelow = 1e-5;
constexpr double kMaxPenalty = 2;
constexpr float kMaxLogitBias = 100;

std::string element(const std::string& list, std::size_t index) {
  return list + "[" + std::to_string(index) + "]";
}

Status check_penalty(const char* field, double value) {
  if (value >= -kMaxPenalty && value <= kMaxPenalty) return {};
  return refused(field, number_text(value), "-2 to 2");
}

Status check_numbers(const SamplingSettings& settings) {
  if (!std::isfinite(settings.temperature) || settings.temperature < 0) {
    return refused("temperature", number_text(settings.temperature),
                   "a finite number of at least 0");
  }
  if (settings.top_k < 0)
    return refused("top_k", std::to_string(settings.top_k), "0 (all tokens) or more");
  if (!(settings.top_p > 0 && settings.top_p <= 1)) {
    return refused("top_p", number_text(settings.top_p), "more than 0 and at most 1");
  }
  if (!(settings.min_p >= 0 && settings.min_p <= 1)) {
    return refused("min_p", number_text(settings.min_p), "0 to 1");
  }
  PARAPET_TRY(check_penalty("presence_penalty", settings.presence_penalty));
  PARAPET_TRY(check_penalty("frequency_penalty", settings.frequency_penalty));
  if (!(settings.repetition_penalty > 0 && settings.repetition_penalty <= kMaxPenalty)) {
    return refused("repetition_penalty", number_text(settings.repetition_penalty),
                   "more than 0 and at most 2");
  }
  if (settings.min_tokens < 0) {
    return refused("min_tokens", std::to_string(settings.min_tokens), "0 or more");
  }
  return {};
}

Status check_token(const std::string& field, TokenId id, std::int64_t vocab_size) {
  if (id >= 0 && id < vocab_size) return {};
  return refused(field, std::to_string(id), "a token id of 0 to " + std::to_string(vocab_size - 1));
}

Status check_tokens(const std::string& field, std::span<const TokenId> ids,
                    std::int64_t vocab_size) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    PARAPET_TRY(check_token(element(field, i), ids[i], vocab_size));
  }
  return {};
}

Status check_length(const std::string& field, std::size_t length, std::size_t most) {
  if (length <= most) return {};
  return Error{ErrorCode::kInvalidArgument, field + " has " + std::to_string(length) +
                                                " entries, expected at most " +
                                                std::to_string(most)};
}

Status check_biases(std::span<const std::pair<TokenId, float>> biases, std::int64_t vocab_size) {
  PARAPET_TRY(check_length("logit_bias", biases.size(), kMaxLogitBiases));
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < biases.size(); ++i) {
    const auto& [id, bias] = biases[i];
    PARAPET_TRY(check_token(element("logit_bias", i) + ".token_id", id, vocab_size));
    if (!(std::abs(bias) <= kMaxLogitBias)) {
      return refused(element("logit_bias", i) + ".bias", number_text(bias), "-100 to 100");
    }
    ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice == ids.end()) return {};
  return Error{ErrorCode::kInvalidArgument, "logit_bias names token " + std::to_string(*twice) +
                                                " twice, expected one bias a token"};
}

Status check_bad_words(std::span<const std::vector<TokenId>> words, std::int64_t vocab_size) {
  PARAPET_TRY(check_length("bad_words", words.size(), kMaxBadWords));
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string field = element("bad_words", i);
    if (words[i].empty()) return refused(field, "empty", "at least one token");
    PARAPET_TRY(check_length(field, words[i].size(), kMaxBadWordTokens));
    PARAPET_TRY(check_tokens(field, words[i], vocab_size));
  }
  return {};
}

}  // namespace

bool SamplingSettings::greedy() const { return temperature < kGreedyBelow; }

bool SamplingSettings::adjusts_logits() const {
  return constraint != nullptr || !allowed_token_ids.empty() || !bad_words.empty() ||
         min_tokens > 0 || !logit_bias.empty() || repetition_penalty != 1 ||
         frequency_penalty != 0 || presence_penalty != 0;
}

Status SamplingSettings::check(std::int64_t vocab_size) const {
  PARAPET_TRY(check_numbers(*this));
  PARAPET_TRY(check_biases(logit_bias, vocab_size));
  PARAPET_TRY(check_length("allowed_token_ids", allowed_token_ids.size(),
                           static_cast<std::size_t>(vocab_size)));
  PARAPET_TRY(check_tokens("allowed_token_ids", allowed_token_ids, vocab_size));
  return check_bad_words(bad_words, vocab_size);
}

}  // namespace parapet
