#include "precision/verdict_precision.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "guard/probabilities.h"
#include "guard/verdict_parser.h"

namespace parapet {

VerdictPrecision compare_verdicts(const std::string& reference, const std::string& candidate,
                                  GuardMode mode) {
  VerdictPrecision both;
  const VerdictReading expected = read_verdict(reference, mode);
  if (expected.progress == VerdictProgress::kComplete) {
    both.reference_safety = expected.verdict.safety;
    both.reference_categories = expected.verdict.categories;
  }
  const VerdictReading found = read_verdict(candidate, mode);
  if (found.progress == VerdictProgress::kComplete) {
    both.candidate_safety = found.verdict.safety;
    both.candidate_categories = found.verdict.categories;
  }
  return both;
}

Result<LabelPrecision> compare_labels(std::span<const float> reference,
                                      std::span<const float> candidate) {
  LabelPrecision both;
  PARAPET_ASSIGN(both.reference, label_probabilities(reference));
  PARAPET_ASSIGN(both.candidate, label_probabilities(candidate));
  both.shift = std::max({std::abs(both.reference.safe - both.candidate.safe),
                         std::abs(both.reference.controversial - both.candidate.controversial),
                         std::abs(both.reference.unsafe - both.candidate.unsafe)});
  return both;
}

std::vector<float> label_logprobs(std::span<const float> logits, std::span<const TokenId> tokens) {
  const std::vector<double> log_p = log_softmax_at(logits, tokens);
  return {log_p.begin(), log_p.end()};
}

std::vector<float> label_logprobs(const TokenLogprobs& told, std::span<const TokenId> tokens) {
  std::vector<float> logprobs;
  for (const TokenId token : tokens) {
    const auto at = std::ranges::find(told.ids, token);
    if (at == told.ids.end()) return {};
    logprobs.push_back(told.logprobs[static_cast<std::size_t>(at - told.ids.begin())]);
  }
  return logprobs;
}

}  // namespace parapet
