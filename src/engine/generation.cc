#include "engine/generation.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/check.h"
#include "engine/admission.h"

namespace parapet {
namespace {

double milliseconds(Sequence::Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

Generation::Generation(std::span<const GenerationRequest> requests, const EngineLimits& limits,
                       ModelRunner& runner, Sampler& sampler)
    : requests_(requests),
      runner_(runner),
      sampler_(sampler),
      scheduler_(limits),
      begun_(Clock::now()),
      answers_(requests.size()) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Status admitted = check_request(requests[i], limits);
    if (admitted && std::ssize(sequences_) == limits.max_num_requests) {
      admitted = Error{ErrorCode::kResourceExhausted, "request " + std::to_string(i) +
                                                          " is one too many: one call serves " +
                                                          std::to_string(limits.max_num_requests)};
    }
    if (!admitted) {
      answers_[i] = admitted.error();
      continue;
    }
    Sequence& sequence = sequences_.emplace_back(requests[i], allowed_output(requests[i], limits));
    num_expected_ += std::ssize(requests[i].prompt) + sequence.max_tokens;
    scheduler_.add(sequence);
  }
}

void Generation::step() {
  const std::vector<ScheduledSequence> scheduled = scheduler_.schedule();
  const Clock::time_point now = Clock::now();
  for (const ScheduledSequence& each : scheduled) {
    if (each.sequence->num_computed == 0) each.sequence->started = now;
  }
  auto next = runner_.run(scheduled);
  if (!next) return fail_all(next.error());
  for (std::size_t i = 0; i < scheduled.size(); ++i) {
    Sequence& sequence = *scheduled[i].sequence;
    sequence.num_computed += scheduled[i].num_tokens;
    num_computed_ += scheduled[i].num_tokens;
    if ((*next)[i]) accept(sequence, std::move(*(*next)[i]));
  }
}

// The sequence grows by one token, and perhaps that was its last.
void Generation::accept(Sequence& sequence, NextToken next) {
  const Result<TokenId> token = choose(sequence, next);
  if (!token) return answer(sequence, token.error());
  if (const LogprobQuery* query = sequence.query()) {
    const auto index = static_cast<std::size_t>(query - sequence.request->logprobs.data());
    sequence.logprobs[index] = std::move(next.logprobs);
  }
  if (sequence.num_output() == 0) sequence.first_token = Clock::now();
  sequence.tokens.push_back(*token);
  if (const auto reason = finish_reason(sequence)) answer(sequence, output(sequence, *reason));
}

Result<TokenId> Generation::choose(const Sequence& sequence, const NextToken& next) {
  const auto step = static_cast<std::uint64_t>(sequence.num_output());
  if (next.most_likely < 0) {
    return Error{ErrorCode::kNumeric,
                 "a logit of output token " + std::to_string(step) + " is NaN"};
  }
  if (sequence.request->sampling.greedy()) return next.most_likely;
  return sampler_.sample(next.logits, sequence.request->sampling, step);
}

std::optional<FinishReason> Generation::finish_reason(const Sequence& sequence) {
  const GenerationRequest& request = *sequence.request;
  const auto& stops = request.stop_token_ids;
  if (std::find(stops.begin(), stops.end(), sequence.tokens.back()) != stops.end()) {
    return FinishReason::kStopToken;
  }
  if (request.stop_when && request.stop_when(sequence.output())) return FinishReason::kStopWhen;
  if (sequence.num_output() == sequence.max_tokens) return FinishReason::kLength;
  return std::nullopt;
}

GenerationOutput Generation::output(Sequence& sequence, FinishReason reason) const {
  GenerationOutput output;
  const std::span<const TokenId> written = sequence.output();
  output.token_ids.assign(written.begin(), written.end());
  if (reason == FinishReason::kStopToken) {
    output.stop_token = output.token_ids.back();
    output.token_ids.pop_back();
  }
  output.finish_reason = reason;
  output.logprobs = std::move(sequence.logprobs);
  output.usage = {.prompt_tokens = std::ssize(sequence.request->prompt),
                  .completion_tokens = sequence.num_output()};
  output.timing = {.queue_ms = milliseconds(sequence.started - begun_),
                   .prefill_ms = milliseconds(sequence.first_token - sequence.started),
                   .decode_ms = milliseconds(Clock::now() - sequence.first_token)};
  return output;
}

void Generation::answer(Sequence& sequence, Result<GenerationOutput> result) {
  scheduler_.finish(sequence);
  num_expected_ -=
      std::ssize(sequence.request->prompt) + sequence.max_tokens - sequence.num_computed;
  answers_[static_cast<std::size_t>(sequence.request - requests_.data())] = std::move(result);
}

// The device failed: nobody can be served any more. Those who have an answer keep it.
void Generation::fail_all(const Error& error) {
  for (auto& answer : answers_) {
    if (!answer) answer = error;
  }
  scheduler_.clear();
}

std::vector<Result<GenerationOutput>> Generation::answers() && {
  PARAPET_CHECK(!has_work());
  std::vector<Result<GenerationOutput>> all;
  all.reserve(answers_.size());
  for (auto& answer : answers_) {
    PARAPET_CHECK(answer.has_value());
    all.push_back(std::move(*answer));
  }
  return all;
}

}  // namespace parapet
