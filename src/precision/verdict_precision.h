// What the differences mean for verdicts: labels, categories, and the beliefs behind them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "guard/taxonomy.h"
#include "parapet/error.h"
#include "parapet/precision.h"
#include "precision/metrics.h"

namespace parapet {

// Of the answers as text; one that is no verdict, or not a whole one, has no label.
VerdictPrecision compare_verdicts(const std::string& reference, const std::string& candidate,
                                  GuardMode mode);

// Of the rows where the label is decided: log-probabilities of the labels' first tokens, in the
// order of kAllSafety. ErrorCode::kNumeric where one of them is no number.
Result<LabelPrecision> compare_labels(std::span<const float> reference,
                                      std::span<const float> candidate);

// Those tokens' log-probabilities; empty where a server does not tell all of them.
std::vector<float> label_logprobs(std::span<const float> logits, std::span<const TokenId> tokens);
std::vector<float> label_logprobs(const TokenLogprobs& told, std::span<const TokenId> tokens);

}  // namespace parapet
