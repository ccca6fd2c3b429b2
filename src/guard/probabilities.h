// From log-probabilities at the positions where verdicts part to probabilities of what they say.
#pragma once

#include <span>
#include <vector>

#include "guard/taxonomy.h"
#include "parapet/error.h"
#include "parapet/guard.h"

namespace parapet {

// Of the labels' first tokens, in the order of kAllSafety. ErrorCode::kNumeric where they are not
// numbers.
Result<LabelProbabilities> label_probabilities(std::span<const float> logprobs);

// Of the categories' first tokens and None's, in the order of category_names(mode), None last.
Result<std::vector<CategoryProbability>> category_probabilities(GuardMode mode,
                                                                std::span<const float> logprobs);

}  // namespace parapet
