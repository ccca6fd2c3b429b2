// One call of Engine::generate: from requests to answers, step by step.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "engine/model_runner.h"
#include "engine/options.h"
#include "engine/request.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "parapet/error.h"

namespace parapet {

class Generation {
 public:
  // Refuses what cannot be served; the rest waits for its first step.
  Generation(std::span<const GenerationRequest> requests, const EngineLimits& limits,
             ModelRunner& runner, Sampler& sampler);

  bool has_work() const { return scheduler_.has_work(); }
  void step();
  // Tokens computed so far, and how many there will be at most: answers that end early lower it.
  std::int64_t num_computed() const { return num_computed_; }
  std::int64_t num_expected() const { return num_expected_; }
  // One a request; call when there is no work left.
  std::vector<Result<GenerationOutput>> answers() &&;

 private:
  using Clock = Sequence::Clock;

  void accept(Sequence& sequence, NextToken next);
  Result<TokenId> choose(const Sequence& sequence, const NextToken& next);
  static std::optional<FinishReason> finish_reason(const Sequence& sequence);
  GenerationOutput output(Sequence& sequence, FinishReason reason) const;
  void answer(Sequence& sequence, Result<GenerationOutput> result);
  void fail_all(const Error& error);

  std::span<const GenerationRequest> requests_;
  ModelRunner& runner_;
  Sampler& sampler_;
  Scheduler scheduler_;
  Clock::time_point begun_;
  std::int64_t num_computed_ = 0;
  std::int64_t num_expected_ = 0;
  std::deque<Sequence> sequences_;                                // admitted; addresses are stable
  std::vector<std::optional<Result<GenerationOutput>>> answers_;  // one a request
};

}  // namespace parapet
