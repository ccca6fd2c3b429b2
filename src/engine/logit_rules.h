// What a request's settings do to its logits before a token is chosen from them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampling.h"
#include "engine/token_constraint.h"
#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

// Rules 1 to 7 of the list in sampler.h. Not for two threads at a time.
class LogitRules {
 public:
  // `logits` comes as a copy of context.logits; banned tokens leave as -infinity. Settings are as
  // SamplingSettings::check() accepts them. ErrorCode::kInvalidArgument where no token is left.
  Status apply(const SamplingContext& context, const SamplingSettings& settings,
               std::span<float> logits);

 private:
  void ban_unmasked(std::span<float> logits) const;
  void keep_allowed(const SamplingContext& context, const SamplingSettings& settings,
                    std::span<float> logits);
  void penalize_repetition(const SamplingContext& context, double penalty, std::span<float> logits);
  void penalize_output(const SamplingContext& context, const SamplingSettings& settings,
                       std::span<float> logits);

  // Kept between calls: a vocabulary is large.
  TokenMask mask_{0};
  std::vector<std::int32_t> counts_;
};

}  // namespace parapet
