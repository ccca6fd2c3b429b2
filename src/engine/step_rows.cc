#include "engine/step_rows.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"

namespace parapet {
namespace {

// The plan's tokens at the position after the sequence's output and `path`.
std::vector<TokenId> watched_after(const Sequence& sequence, std::span<const TokenId> path) {
  if (sequence.request.plan == nullptr) return {};
  std::vector<TokenId> output(sequence.written().begin(), sequence.written().end());
  output.insert(output.end(), path.begin(), path.end());
  const auto watch = sequence.request.plan->watch(output);
  PARAPET_CHECK(watch.size() <= kMaxWatchedTokens);
  return {watch.begin(), watch.end()};
}

bool wants_whole(const GenerationRequest& request) {
  return !request.sampling.plain_greedy() || request.logprobs || !request.logprob_token_ids.empty();
}

Error nan_at(const Sequence& sequence) {
  return {ErrorCode::kNumeric,
          "a logit of output token " + std::to_string(sequence.num_output()) + " is NaN"};
}

}  // namespace

StepRows::StepRows(const Step& step) {
  std::int64_t first_row = 0;
  for (const ScheduledSequence& each : step.sequences) {
    add(each, first_row);
    first_row += each.num_rows();
  }
}

void StepRows::add(const ScheduledSequence& scheduled, std::int64_t first_row) {
  const Sequence& sequence = *scheduled.sequence;
  Range& range = ranges_.emplace_back();
  range.prompt = rows_.size();
  if (sequence.request.prompt_logprobs) {
    for (std::int64_t i = 0; i < scheduled.num_tokens; ++i) {
      const std::int64_t following = sequence.num_computed + i + 1;
      if (following >= sequence.num_prompt()) break;
      // Told before the sequence was preempted.
      if (following < std::ssize(sequence.output.prompt_logprobs)) continue;
      add_row(first_row + i,
              {&sequence, sequence.request.prompt[static_cast<std::size_t>(following)]}, {});
    }
  }
  range.next = rows_.size();
  if (!scheduled.reaches_end() || sequence.max_tokens == 0) return;
  const std::int64_t next_row = first_row + scheduled.num_tokens - 1;
  add_row(next_row, {&sequence, -1}, watched_after(sequence, {}));
  for (std::int64_t node = 0; node < scheduled.draft.num_nodes(); ++node) {
    add_row(next_row + 1 + node, {&sequence, -1},
            watched_after(sequence, scheduled.draft.path(node)));
  }
}

void StepRows::add_row(std::int64_t row, const Use& use, std::vector<TokenId> watch) {
  const bool whole = use.prompt_token >= 0 || wants_whole(use.sequence->request);
  rows_.push_back(
      {.row = row, .watch = watched_ids_.emplace_back(std::move(watch)), .whole = whole});
  uses_.push_back(use);
  next_.emplace_back();
}

void StepRows::read(std::size_t row, std::span<const float> logits, Sampler& sampler) {
  if (Status status = evaluate(row, logits, sampler); !status) next_[row].token = status.error();
}

Status StepRows::evaluate(std::size_t row, std::span<const float> logits, Sampler& sampler) {
  const auto [sequence, prompt_token] = uses_[row];
  const GenerationRequest& request = sequence->request;
  NextToken& next = next_[row];
  if (prompt_token >= 0) {
    PARAPET_ASSIGN(next.logprobs, top_logprobs(logits, *request.prompt_logprobs, prompt_token));
    return {};
  }
  PARAPET_ASSIGN(const TokenId token,
                 sampler.sample({.logits = logits,
                                 .prompt = request.prompt,
                                 .output = sequence->written(),
                                 .stop_token_ids = request.stop_token_ids,
                                 .step = static_cast<std::uint64_t>(sequence->num_output())},
                                request.sampling));
  next.token = token;
  if (request.logprobs) {
    PARAPET_ASSIGN(next.logprobs, top_logprobs(logits, *request.logprobs, token));
  }
  if (!request.logprob_token_ids.empty()) {
    PARAPET_ASSIGN(next.token_logprobs, logprobs_of(logits, request.logprob_token_ids));
  }
  return {};
}

void StepRows::finish(std::vector<LogitRowResult> results) {
  PARAPET_CHECK(results.size() == rows_.size());
  results_ = std::move(results);
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    next_[row].watched = results_[row].watched;
    if (results_[row].most_likely < 0) {
      next_[row].token = nan_at(*uses_[row].sequence);
    } else if (!rows_[row].whole) {
      next_[row].token = results_[row].most_likely;
    }
  }
}

NextToken& StepRows::next(std::size_t index, std::int32_t node) {
  return next_.at(ranges_.at(index).next + static_cast<std::size_t>(node + 1));
}

std::span<NextToken> StepRows::prompt(std::size_t index) {
  const Range& range = ranges_.at(index);
  return std::span(next_).subspan(range.prompt, range.next - range.prompt);
}

}  // namespace parapet
