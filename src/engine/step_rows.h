// Which rows of a step are read, for whom, and what they said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "engine/logprobs.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "engine/step_outputs.h"
#include "parapet/error.h"

namespace parapet {

// What a row's logits say about the token that follows it.
struct NextToken {
  Result<TokenId> token = TokenId{-1};
  std::vector<TokenLogprob> logprobs;  // with the request's `logprobs` or `prompt_logprobs`
  std::vector<float> token_logprobs;   // with its `logprob_token_ids`
  std::span<const float> watched;      // what its plan watches
};

// A sequence reads the row of its last token and those of its draft's nodes; with prompt_logprobs,
// the rows of its prompt before them.
class StepRows {
 public:
  // The step must outlive this.
  explicit StepRows(const Step& step);

  std::span<const LogitRow> rows() const { return rows_; }
  // To be called during the run with each row that is wanted whole.
  void read(std::size_t row, std::span<const float> logits, Sampler& sampler);
  // To be called with what the run answered.
  void finish(std::vector<LogitRowResult> results);

  // What follows the last token of the step's sequence `index`, or one of its draft's nodes.
  NextToken& next(std::size_t index, std::int32_t node);
  // The rows of the sequence's prompt: what each says about the prompt token that follows.
  std::span<NextToken> prompt(std::size_t index);

 private:
  struct Use {
    const Sequence* sequence;
    TokenId prompt_token;  // what follows in the prompt, or -1
  };
  struct Range {
    std::size_t prompt = 0;  // the sequence's first prompt row, among rows_
    std::size_t next = 0;    // the row of its last token; its nodes' follow
  };

  void add(const ScheduledSequence& scheduled, std::int64_t first_row);
  Status evaluate(std::size_t row, std::span<const float> logits, Sampler& sampler);
  void add_row(std::int64_t row, const Use& use, std::vector<TokenId> watch);

  std::vector<LogitRow> rows_;
  std::vector<Use> uses_;                         // one a row
  std::vector<NextToken> next_;                   // one a row
  std::vector<Range> ranges_;                     // one a scheduled sequence
  std::deque<std::vector<TokenId>> watched_ids_;  // what rows_ point to
  std::vector<LogitRowResult> results_;           // what next_ points to
};

}  // namespace parapet
