#include "engine/logit_rules.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include "base/check.h"

namespace parapet {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

std::size_t index_of(TokenId id, std::size_t vocab_size) {
  PARAPET_CHECK(id >= 0 && static_cast<std::size_t>(id) < vocab_size);
  return static_cast<std::size_t>(id);
}

float& logit_of(TokenId id, std::span<float> logits) { return logits[index_of(id, logits.size())]; }

// Changes of finite logits stay finite: only a ban may leave -infinity, so that an empty choice
// always has a rule to blame.
void set_logit(float& logit, double value) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (logit != kBanned) logit = static_cast<float>(std::clamp(value, -kLargest, kLargest));
}

void reset(TokenMask& mask, std::size_t vocab_size) {
  if (mask.size() == static_cast<std::int64_t>(vocab_size)) {
    mask.clear();
  } else {
    mask = TokenMask(static_cast<std::int64_t>(vocab_size));
  }
}

bool completes(std::span<const TokenId> output, std::span<const TokenId> word) {
  const std::span<const TokenId> beginning = word.first(word.size() - 1);
  if (beginning.size() > output.size()) return false;
  const std::span<const TokenId> ending = output.last(beginning.size());
  return std::equal(beginning.begin(), beginning.end(), ending.begin());
}

void ban_bad_words(std::span<const TokenId> output, std::span<const std::vector<TokenId>> words,
                   std::span<float> logits) {
  for (const std::vector<TokenId>& word : words) {
    PARAPET_CHECK(!word.empty());
    if (completes(output, word)) logit_of(word.back(), logits) = kBanned;
  }
}

bool too_short(const SamplingContext& context, const SamplingSettings& settings) {
  return std::ssize(context.output) < settings.min_tokens;
}

void ban_stop_tokens(std::span<const TokenId> stop_token_ids, std::span<float> logits) {
  for (const TokenId id : stop_token_ids) {
    if (id >= 0 && id < std::ssize(logits)) logits[static_cast<std::size_t>(id)] = kBanned;
  }
}

// "constraint and min_tokens": the rules that may have banned a token.
std::string banning_rules(const SamplingContext& context, const SamplingSettings& settings) {
  std::vector<std::string_view> names;
  if (settings.constraint) names.emplace_back("constraint");
  if (!settings.allowed_token_ids.empty()) names.emplace_back("allowed_token_ids");
  if (!settings.bad_words.empty()) names.emplace_back("bad_words");
  if (too_short(context, settings)) names.emplace_back("min_tokens");
  std::string joined;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) joined += i + 1 == names.size() ? " and " : ", ";
    joined += names[i];
  }
  return joined;
}

}  // namespace

Status LogitRules::apply(const SamplingContext& context, const SamplingSettings& settings,
                         std::span<float> logits) {
  keep_allowed(context, settings, logits);
  ban_bad_words(context.output, settings.bad_words, logits);
  if (too_short(context, settings)) ban_stop_tokens(context.stop_token_ids, logits);
  for (const auto& [id, bias] : settings.logit_bias) {
    float& logit = logit_of(id, logits);
    set_logit(logit, double{logit} + bias);
  }
  penalize_repetition(context, settings.repetition_penalty, logits);
  penalize_output(context, settings, logits);
  if (std::any_of(logits.begin(), logits.end(), [](float logit) { return logit != kBanned; })) {
    return {};
  }
  return Error{ErrorCode::kInvalidArgument,
               "no token is left for output token " + std::to_string(context.output.size()) +
                   " by " + banning_rules(context, settings) +
                   ", expected at least one that the model gives a probability"};
}

void LogitRules::ban_unmasked(std::span<float> logits) const {
  PARAPET_CHECK(mask_.size() == std::ssize(logits));
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (!mask_.test(static_cast<TokenId>(id))) logits[id] = kBanned;
  }
}

void LogitRules::keep_allowed(const SamplingContext& context, const SamplingSettings& settings,
                              std::span<float> logits) {
  if (settings.constraint) {
    reset(mask_, logits.size());
    settings.constraint->allow(context.output, mask_);
    ban_unmasked(logits);
  }
  if (!settings.allowed_token_ids.empty()) {
    reset(mask_, logits.size());
    for (const TokenId id : settings.allowed_token_ids) {
      index_of(id, logits.size());
      mask_.set(id);
    }
    ban_unmasked(logits);
  }
}

void LogitRules::penalize_repetition(const SamplingContext& context, double penalty,
                                     std::span<float> logits) {
  if (penalty == 1) return;
  reset(mask_, logits.size());
  for (const std::span<const TokenId> tokens : {context.prompt, context.output}) {
    for (const TokenId id : tokens) {
      float& logit = logit_of(id, logits);
      if (mask_.test(id)) continue;
      mask_.set(id);
      set_logit(logit, logit > 0 ? logit / penalty : logit * penalty);
    }
  }
}

void LogitRules::penalize_output(const SamplingContext& context, const SamplingSettings& settings,
                                 std::span<float> logits) {
  if (settings.frequency_penalty == 0 && settings.presence_penalty == 0) return;
  counts_.assign(logits.size(), 0);
  for (const TokenId id : context.output) ++counts_[index_of(id, logits.size())];
  for (const TokenId id : context.output) {
    float& logit = logit_of(id, logits);
    std::int32_t& count = counts_[static_cast<std::size_t>(id)];
    if (count == 0) continue;  // this token had its penalty
    set_logit(logit, logit - settings.frequency_penalty * count - settings.presence_penalty);
    count = 0;
  }
}

}  // namespace parapet
