#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "engine/admission.h"

namespace parapet {
namespace {

using Clock = Sequence::Clock;

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Tokens of the prompt that are computed, and of the answer that are written.
std::int64_t num_moved_on(const Sequence& sequence) {
  return std::min(sequence.num_computed, sequence.num_prompt()) + sequence.num_output();
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(Device& device, const ModelConfig& config,
                                               Weights weights, const EngineOptions& options,
                                               const CapturedPieces::Progress& progress) {
  PARAPET_ASSIGN(const EngineLimits limits, EngineLimits::resolve(options, config));
  PARAPET_ASSIGN(Qwen3Model model,
                 Qwen3Model::load(device, config, std::move(weights),
                                  {.max_num_tokens = limits.max_num_batched_tokens,
                                   .max_num_logit_rows = StepOutputs::kTileRows}));
  PARAPET_ASSIGN(ModelRunner runner,
                 ModelRunner::create(device, std::move(model), limits, progress));
  return std::unique_ptr<Engine>(new Engine(limits, std::move(runner)));
}

Result<RequestId> Engine::add(GenerationRequest request, OnAnswer on_answer) {
  PARAPET_TRY(
      check_request(request, limits_, limits_.num_kv_blocks - scheduler_.num_pinned_blocks()));
  if (std::ssize(active_) >= limits_.max_num_requests) {
    return Error{ErrorCode::kResourceExhausted,
                 std::to_string(active_.size()) + " requests are under way, expected fewer than " +
                     std::to_string(limits_.max_num_requests) + ": max_num_requests"};
  }
  const RequestId id = ++last_id_;
  const std::int64_t max_tokens = allowed_output(request, limits_);
  auto active = std::make_unique<Active>(id, std::move(request), max_tokens, std::move(on_answer));
  scheduler_.add(active->sequence);
  active_.emplace(id, std::move(active));
  return id;
}

bool Engine::cancel(RequestId id) {
  const auto found = active_.find(id);
  if (found == active_.end()) return false;
  finish(found->second->sequence, Error{ErrorCode::kCancelled, "the request was cancelled"});
  return true;
}

void Engine::step() {
  const Clock::time_point begin = Clock::now();
  const Step step = scheduler_.schedule();
  if (step.sequences.empty()) return;
  compute(step);
  ++totals_.num_steps;
  totals_.num_rows += step.num_rows;
  totals_.step_seconds += seconds_since(begin);
  if (check_every_step_) scheduler_.check_integrity();
}

void Engine::compute(const Step& step) {
  StepRows rows(step);
  auto results = runner_.run(
      step, rows.rows(),
      [&](std::size_t row, std::span<const float> logits) { rows.read(row, logits, sampler_); });
  if (!results) {
    scheduler_.complete(step);
    return fail_all(results.error());
  }
  rows.finish(std::move(*results));
  std::vector<std::optional<Error>> errors(step.sequences.size());
  std::int64_t num_tokens = 0;
  for (std::size_t i = 0; i < step.sequences.size(); ++i) {
    const Sequence& sequence = *step.sequences[i].sequence;
    const std::int64_t before = num_moved_on(sequence);
    errors[i] = accept(step.sequences[i], i, rows);
    num_tokens += num_moved_on(sequence) - before;
  }
  totals_.step_tokens.count(num_tokens);
  scheduler_.complete(step);
  std::vector<std::pair<RequestId, std::optional<Error>>> finished;
  for (std::size_t i = 0; i < step.sequences.size(); ++i) {
    const Sequence& sequence = *step.sequences[i].sequence;
    if (errors[i] || sequence.finish_reason) finished.emplace_back(sequence.id, errors[i]);
  }
  // Only now: an answer may call back into the engine, and cancel another that is finished too.
  for (auto& [id, error] : finished) {
    const auto found = active_.find(id);
    if (found != active_.end()) finish(found->second->sequence, std::move(error));
  }
}

// The sequence grows by what the step computed, and by as much of its draft as the model agrees
// with.
std::optional<Error> Engine::accept(const ScheduledSequence& scheduled, std::size_t index,
                                    StepRows& rows) {
  Sequence& sequence = *scheduled.sequence;
  ++sequence.num_passes;
  const bool reached_end = scheduled.reaches_end();
  for (NextToken& next : rows.prompt(index)) {
    sequence.output.prompt_logprobs.push_back(std::move(next.logprobs));
  }
  sequence.num_computed += scheduled.num_tokens;
  if (!reached_end) return std::nullopt;
  if (sequence.max_tokens == 0) {
    sequence.finish_reason = FinishReason::kLength;
    return std::nullopt;
  }
  if (scheduled.draft.num_nodes() > 0) ++totals_.num_drafts;
  totals_.num_draft_tokens += scheduled.draft.num_nodes();
  std::int32_t node = DraftTree::kRoot;
  std::size_t depth = 0;
  do {
    NextToken& next = rows.next(index, node);
    if (!next.token) return next.token.error();
    if (node >= 0 && node < scheduled.draft.trunk_len()) ++sequence.num_computed;
    write(sequence, next);
    node = scheduled.draft.child(node, *next.token);
    if (node >= 0) count_accepted(depth++);
  } while (node >= 0 && !sequence.finish_reason);
  return std::nullopt;
}

void Engine::count_accepted(std::size_t depth) {
  ++totals_.num_accepted_draft_tokens;
  auto& by_depth = totals_.num_accepted_by_depth;
  if (depth == by_depth.size()) by_depth.push_back(0);
  ++by_depth[depth];
}

// One more token of the answer; perhaps its last.
void Engine::write(Sequence& sequence, NextToken& next) {
  const GenerationRequest& request = sequence.request;
  if (sequence.num_output() == 0) sequence.first_token = Clock::now();
  if (!next.watched.empty()) {
    sequence.output.watched.push_back(
        {sequence.num_output(), {next.watched.begin(), next.watched.end()}});
  }
  if (request.logprobs) sequence.output.logprobs.push_back(std::move(next.logprobs));
  if (!request.logprob_token_ids.empty()) {
    sequence.output.token_logprobs.push_back(std::move(next.token_logprobs));
  }
  sequence.tokens.push_back(*next.token);
  if (std::ranges::find(request.stop_token_ids, *next.token) != request.stop_token_ids.end()) {
    sequence.finish_reason = FinishReason::kStopToken;
  } else if (request.stop_when && request.stop_when(sequence.written(), sequence.output)) {
    sequence.finish_reason = FinishReason::kStopWhen;
  } else if (sequence.num_output() == sequence.max_tokens) {
    sequence.finish_reason = FinishReason::kLength;
  }
}

void Engine::finish(Sequence& sequence, std::optional<Error> error) {
  scheduler_.remove(sequence);
  const auto found = active_.find(sequence.id);
  const std::unique_ptr<Active> active = std::move(found->second);
  active_.erase(found);
  ++totals_.num_finished;
  if (error) {
    active->on_answer(std::move(*error));
  } else {
    active->on_answer(output_of(active->sequence));
  }
}

GenerationOutput Engine::output_of(Sequence& sequence) {
  GenerationOutput output = std::move(sequence.output);
  output.finish_reason = *sequence.finish_reason;
  output.token_ids.assign(sequence.written().begin(), sequence.written().end());
  if (output.finish_reason == FinishReason::kStopToken) {
    output.stop_token = output.token_ids.back();
    output.token_ids.pop_back();
  }
  output.usage = {.prompt_tokens = sequence.num_prompt(),
                  .completion_tokens = sequence.num_output(),
                  .cached_tokens = sequence.num_cached_tokens};
  output.num_passes = sequence.num_passes;
  const Clock::time_point now = Clock::now();
  const Clock::time_point first_token = sequence.num_output() > 0 ? sequence.first_token : now;
  output.timing = {.queue_ms = milliseconds(sequence.started - sequence.arrived),
                   .prefill_ms = milliseconds(first_token - sequence.started),
                   .decode_ms = milliseconds(now - first_token)};
  return output;
}

// The device failed: nobody can be served with what it holds.
void Engine::fail_all(const Error& error) {
  scheduler_.forget_prefixes();
  std::vector<RequestId> ids;
  for (const auto& [id, active] : active_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (const RequestId id : ids) {
    const auto found = active_.find(id);
    if (found != active_.end()) finish(found->second->sequence, error);
  }
  scheduler_.forget_prefixes();
}

std::vector<Result<GenerationOutput>> Engine::generate(std::span<const GenerationRequest> requests,
                                                       const StepProgress& progress) {
  PARAPET_CHECK(!has_work());
  std::vector<std::optional<Result<GenerationOutput>>> answers(requests.size());
  std::int64_t expected = 0;
  std::int64_t answered = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::int64_t length =
        std::ssize(requests[i].prompt) + allowed_output(requests[i], limits_);
    const auto id = add(requests[i], [&, i, length](Result<GenerationOutput> answer) {
      answers[i] = std::move(answer);
      answered += length;
    });
    if (id) {
      expected += length;
    } else {
      answers[i] = id.error();
    }
  }
  while (has_work()) {
    step();
    if (progress) progress(answered, expected);
  }
  std::vector<Result<GenerationOutput>> all;
  all.reserve(answers.size());
  for (auto& answer : answers) {
    PARAPET_CHECK(answer.has_value());
    all.push_back(std::move(*answer));
  }
  return all;
}

EngineStats Engine::stats() const {
  EngineStats stats = totals_;
  stats.scheduler = scheduler_.stats();
  stats.model_seconds = runner_.device_seconds();
  stats.num_running = scheduler_.num_running();
  stats.num_waiting = scheduler_.num_waiting();
  stats.num_kv_blocks = scheduler_.blocks().num_blocks();
  stats.num_free_kv_blocks = scheduler_.blocks().num_free();
  stats.num_cached_kv_blocks = scheduler_.blocks().num_cached();
  return stats;
}

}  // namespace parapet
