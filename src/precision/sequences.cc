#include "precision/sequences.h"

#include <numeric>

namespace parapet {
namespace {

ForcedSequence prompt_sequence(const EvalPrompt& prompt, std::size_t index,
                               std::span<const TokenId> answer, PrecisionPositions positions) {
  ForcedSequence sequence{prompt_sequence_name(index), prompt.ids, {}};
  const std::int64_t last = std::ssize(prompt.ids) - 1;
  // What follows the answer's last token is compared too: the end token is part of an answer.
  if (positions != PrecisionPositions::kLast) {
    sequence.ids.insert(sequence.ids.end(), answer.begin(), answer.end());
  }
  const std::int64_t first = positions == PrecisionPositions::kAll ? 0 : last;
  sequence.positions.resize(static_cast<std::size_t>(std::ssize(sequence.ids) - first));
  std::iota(sequence.positions.begin(), sequence.positions.end(), first);
  return sequence;
}

}  // namespace

std::string prompt_sequence_name(std::size_t prompt) { return "prompt." + std::to_string(prompt); }
std::string label_sequence_name(std::size_t prompt) { return "label." + std::to_string(prompt); }

SequencePlan plan_sequences(std::span<const EvalPrompt> prompts, const PromptEncoder& encoder,
                            std::span<const std::vector<TokenId>> answers,
                            PrecisionPositions positions) {
  SequencePlan plan;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const EvalPrompt& prompt = prompts[i];
    PromptSequences& of_prompt = plan.of_prompt.emplace_back();
    of_prompt.prompt = plan.sequences.size();
    plan.sequences.push_back(prompt_sequence(
        prompt, i, answers.empty() ? std::span<const TokenId>() : answers[i], positions));
    const VerdictTokens* verdicts = prompt.mode ? encoder.verdict_tokens(*prompt.mode) : nullptr;
    if (verdicts == nullptr) continue;
    const TokenFork& labels = verdicts->labels();
    of_prompt.label = plan.sequences.size();
    of_prompt.label_tokens = labels.first_tokens;
    ForcedSequence label{label_sequence_name(i), prompt.ids, {}};
    label.ids.insert(label.ids.end(), labels.head.begin(), labels.head.end());
    label.positions = {std::ssize(label.ids) - 1};
    plan.sequences.push_back(std::move(label));
  }
  return plan;
}

}  // namespace parapet
