#include "guard/label_tokens.h"

#include <cmath>
#include <string>

namespace parapet {

Result<LabelTokens> LabelTokens::find(const Tokenizer& tokenizer) {
  std::array<std::vector<TokenId>, 3> answers;
  for (std::size_t i = 0; i < kAllSafety.size(); ++i) {
    const std::string answer = std::string(kSafetyHead) + to_string(kAllSafety[i]);
    answers[i] = tokenizer.encode(answer, Origin::kMessage);
  }
  const auto all_have = [&](std::size_t at) {
    for (const auto& ids : answers) {
      if (ids.size() <= at) return false;
    }
    return true;
  };
  std::size_t at = 0;
  while (all_have(at) && answers[0][at] == answers[1][at] && answers[0][at] == answers[2][at]) ++at;
  if (!all_have(at) || answers[0][at] == answers[1][at] || answers[0][at] == answers[2][at] ||
      answers[1][at] == answers[2][at]) {
    return Error{ErrorCode::kUnsupported,
                 "tokenizer.json: the labels Safe, Controversial and Unsafe do not part at one "
                 "token, so their probabilities cannot be read; a guard's tokenizer is needed"};
  }
  LabelTokens labels;
  labels.head.assign(answers[0].begin(), answers[0].begin() + static_cast<std::ptrdiff_t>(at));
  for (std::size_t i = 0; i < answers.size(); ++i) labels.first_tokens[i] = answers[i][at];
  return labels;
}

Result<LabelProbabilities> label_probabilities(std::span<const float, 3> logprobs) {
  std::array<double, 3> mass{};
  for (std::size_t i = 0; i < mass.size(); ++i)
    mass[i] = std::exp(static_cast<double>(logprobs[i]));
  const double total = mass[0] + mass[1] + mass[2];
  if (!std::isfinite(total)) {
    return Error{ErrorCode::kNumeric, "the model's logits at the label are not finite numbers"};
  }
  // All three may underflow to nothing when a model never writes a label: then none is likelier.
  if (total == 0) return LabelProbabilities{1.0 / 3, 1.0 / 3, 1.0 / 3, 0};
  return LabelProbabilities{mass[0] / total, mass[1] / total, mass[2] / total, total};
}

}  // namespace parapet
