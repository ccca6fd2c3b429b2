// What must hold of a row of logits before anything is chosen from it.
#pragma once

#include <span>

#include "parapet/error.h"

namespace parapet {

// ErrorCode::kNumeric where a logit is NaN or the largest is infinite (or there is none).
Status check_logits(std::span<const float> logits);

}  // namespace parapet
