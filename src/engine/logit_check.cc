#include "engine/logit_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace parapet {

Status check_logits(std::span<const float> logits) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (std::isnan(logits[id])) {
      return Error{ErrorCode::kNumeric,
                   "the logit of token " + std::to_string(id) + " is NaN, expected a number"};
    }
    largest = std::max(largest, logits[id]);
  }
  if (std::isfinite(largest)) return {};
  return Error{ErrorCode::kNumeric, "the largest of " + std::to_string(logits.size()) +
                                        " logits is " + (largest > 0 ? "infinity" : "-infinity") +
                                        ", expected a finite number"};
}

}  // namespace parapet
