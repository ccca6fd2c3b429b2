// The candidate's rows held against the reference's, prompt by prompt.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parapet/precision.h"
#include "precision/logits_dump.h"
#include "precision/prompts.h"
#include "precision/sequences.h"
#include "precision/side.h"
#include "precision/summary.h"

namespace parapet {

class RowComparison {
 public:
  // All must outlive it.
  RowComparison(std::span<const EvalPrompt> prompts, const PromptEncoder& encoder,
                const SequencePlan& plan, const LogitsDump& reference,
                PrecisionPositions positions);

  // Of one sequence. kNumeric and kInvalidArgument name the prompt and the position.
  Status add(std::size_t sequence, const SideRows& candidate);
  // Fills metrics, prompts, histogram, scatter and what was compared. Answers are not its matter.
  void finish(PrecisionEval& eval) const;

 private:
  struct Row {
    std::span<const float> reference;
    std::span<const float> candidate;  // empty where a server told
    const TokenLogprobs* told = nullptr;
  };

  Result<RowDifference> compare_whole(std::span<const float> reference,
                                      std::span<const float> candidate);
  Result<RowDifference> compare_told(std::span<const float> reference, const TokenLogprobs& told);
  Result<RowDifference> compare(const Row& row, const std::string& where);
  Status add_prompt(std::size_t prompt, const ForcedSequence& sequence,
                    std::span<const float> reference, const SideRows& candidate);
  Status add_label(std::size_t prompt, const ForcedSequence& sequence,
                   std::span<const float> reference, const SideRows& candidate);
  Row row_at(std::span<const float> reference, const SideRows& candidate, std::size_t index) const;
  std::string name_of(TokenId token) const;
  void count(std::size_t prompt, const RowDifference& difference);

  std::span<const EvalPrompt> prompts_;
  const PromptEncoder& encoder_;
  const SequencePlan& plan_;
  const LogitsDump& reference_;
  PrecisionPositions positions_;

  std::vector<PromptPrecision> results_;
  std::vector<MetricsSum> of_prompt_;
  MetricsSum total_;
  DifferenceSample sample_;
  bool told_ = false;     // by a server, rather than computed here
  bool told_all_ = true;  // and all of them, in every row
};

}  // namespace parapet
