// Which tokens both sides are given, and where their logits are compared.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parapet/precision.h"
#include "precision/prompts.h"
#include "precision/side.h"

namespace parapet {

// Of the prompt itself and what the reference answered.
std::string prompt_sequence_name(std::size_t prompt);
// Of a guard prompt and the beginning that all verdicts share, up to where the label is decided.
std::string label_sequence_name(std::size_t prompt);

struct PromptSequences {
  std::size_t prompt = 0;             // index into all sequences
  std::optional<std::size_t> label;   // likewise
  std::vector<TokenId> label_tokens;  // the labels' first tokens there, in the order of kAllSafety
};

struct SequencePlan {
  std::vector<ForcedSequence> sequences;
  std::vector<PromptSequences> of_prompt;
};

// `answers`: the reference's, one a prompt, or none at all.
SequencePlan plan_sequences(std::span<const EvalPrompt> prompts, const PromptEncoder& encoder,
                            std::span<const std::vector<TokenId>> answers,
                            PrecisionPositions positions);

}  // namespace parapet
