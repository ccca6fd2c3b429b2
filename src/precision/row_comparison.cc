#include "precision/row_comparison.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "precision/verdict_precision.h"

namespace parapet {
namespace {

std::int64_t num_rows(const SequencePlan& plan) {
  return std::accumulate(plan.sequences.begin(), plan.sequences.end(), std::int64_t{0},
                         [](std::int64_t sum, const ForcedSequence& sequence) {
                           return sum + std::ssize(sequence.positions);
                         });
}

// Whose sequence this is.
std::size_t prompt_of(const SequencePlan& plan, std::size_t sequence) {
  const auto at = std::ranges::find_if(plan.of_prompt, [&](const PromptSequences& each) {
    return each.prompt == sequence || each.label == sequence;
  });
  PARAPET_CHECK(at != plan.of_prompt.end());
  return static_cast<std::size_t>(at - plan.of_prompt.begin());
}

}  // namespace

RowComparison::RowComparison(std::span<const EvalPrompt> prompts, const PromptEncoder& encoder,
                             const SequencePlan& plan, const LogitsDump& reference,
                             PrecisionPositions positions)
    : prompts_(prompts),
      encoder_(encoder),
      plan_(plan),
      reference_(reference),
      positions_(positions),
      results_(prompts.size()),
      of_prompt_(prompts.size()),
      sample_(num_rows(plan)) {
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    results_[i].id = prompts[i].id;
    results_[i].text = prompts[i].text;
    results_[i].guard = prompts[i].mode.has_value();
    results_[i].num_prompt_tokens = std::ssize(prompts[i].ids);
  }
}

Status RowComparison::add(std::size_t sequence, const SideRows& candidate) {
  const ForcedSequence& forced = plan_.sequences[sequence];
  const std::size_t prompt = prompt_of(plan_, sequence);
  PARAPET_ASSIGN(const std::vector<float> reference, reference_.rows(forced));
  if (!candidate.logits.empty() && candidate.logits.size() != reference.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 "the candidate's vocabulary differs from the reference's, which has " +
                     std::to_string(reference_.vocab_size())};
  }
  PARAPET_CHECK(!candidate.logits.empty() || candidate.told.size() == forced.positions.size());
  if (plan_.of_prompt[prompt].prompt == sequence) {
    return add_prompt(prompt, forced, reference, candidate);
  }
  return add_label(prompt, forced, reference, candidate);
}

RowComparison::Row RowComparison::row_at(std::span<const float> reference,
                                         const SideRows& candidate, std::size_t index) const {
  const auto vocab = static_cast<std::size_t>(reference_.vocab_size());
  Row row;
  row.reference = reference.subspan(index * vocab, vocab);
  if (candidate.logits.empty()) {
    row.told = &candidate.told[index];
  } else {
    row.candidate = std::span(candidate.logits).subspan(index * vocab, vocab);
  }
  return row;
}

Result<RowDifference> RowComparison::compare_whole(std::span<const float> reference,
                                                   std::span<const float> candidate) {
  PARAPET_ASSIGN(const RowDifference difference, compare_rows(reference, candidate));
  sample_.add(reference, candidate);
  return difference;
}

Result<RowDifference> RowComparison::compare_told(std::span<const float> reference,
                                                  const TokenLogprobs& told) {
  told_ = true;
  if (told.ids.size() != reference.size()) {
    told_all_ = false;
    return compare_logprobs(reference, told);
  }
  PARAPET_ASSIGN(const std::vector<float> row, row_of_logprobs(reference, told));
  return compare_whole(reference, row);
}

Result<RowDifference> RowComparison::compare(const Row& row, const std::string& where) {
  auto difference = row.told != nullptr ? compare_told(row.reference, *row.told)
                                        : compare_whole(row.reference, row.candidate);
  if (difference) return difference;
  return Error{difference.error().code, where + ": " + difference.error().message};
}

// As text; random weights have tokens that another model's tokenizer knows nothing of.
std::string RowComparison::name_of(TokenId token) const {
  const std::string text = encoder_.decode({token});
  return text.empty() ? std::string("#").append(std::to_string(token)) : text;
}

void RowComparison::count(std::size_t prompt, const RowDifference& difference) {
  of_prompt_[prompt].add(difference);
  total_.add(difference);
}

Status RowComparison::add_prompt(std::size_t prompt, const ForcedSequence& sequence,
                                 std::span<const float> reference, const SideRows& candidate) {
  const std::int64_t last = std::ssize(prompts_[prompt].ids) - 1;
  for (std::size_t i = 0; i < sequence.positions.size(); ++i) {
    const std::string where =
        "prompt '" + prompts_[prompt].id + "', position " + std::to_string(sequence.positions[i]);
    PARAPET_ASSIGN(const RowDifference difference, compare(row_at(reference, candidate, i), where));
    count(prompt, difference);
    if (sequence.positions[i] != last) continue;
    results_[prompt].reference_token = name_of(difference.reference_token);
    results_[prompt].candidate_token = name_of(difference.candidate_token);
  }
  return {};
}

Status RowComparison::add_label(std::size_t prompt, const ForcedSequence& sequence,
                                std::span<const float> reference, const SideRows& candidate) {
  const Row row = row_at(reference, candidate, 0);
  const std::string where = "prompt '" + prompts_[prompt].id + "', label";
  PARAPET_ASSIGN(const RowDifference difference, compare(row, where));
  // Elsewhere the answer is compared token by token, and its label among them.
  if (positions_ == PrecisionPositions::kLast) count(prompt, difference);
  PARAPET_CHECK(sequence.positions.size() == 1);
  const auto& tokens = plan_.of_prompt[prompt].label_tokens;
  const std::vector<float> theirs = row.told != nullptr ? label_logprobs(*row.told, tokens)
                                                        : label_logprobs(row.candidate, tokens);
  if (theirs.empty()) return {};
  PARAPET_ASSIGN(results_[prompt].label,
                 compare_labels(label_logprobs(row.reference, tokens), theirs));
  return {};
}

void RowComparison::finish(PrecisionEval& eval) const {
  eval.prompts = results_;
  for (std::size_t i = 0; i < results_.size(); ++i) {
    eval.prompts[i].metrics = of_prompt_[i].metrics();
  }
  eval.metrics = total_.metrics();
  eval.histogram = sample_.histogram();
  eval.scatter = sample_.scatter();
  eval.compared_on = !told_ ? "logits" : told_all_ ? "logprobs" : "top_logprobs";
}

}  // namespace parapet
