// The engine's loop around a scheduler, with a fake model in the device's place.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/admission.h"
#include "engine/fake_model.h"
#include "engine/scheduler.h"

namespace parapet::test {

// What became of a request that was let in. Stays where it is, also when it is answered.
struct Served {
  Served(RequestId id, GenerationRequest request, std::int64_t max_tokens)
      : sequence(id, std::move(request), max_tokens) {}

  Sequence sequence;
  int num_answers = 0;
  bool cancelled = false;
};

class FakeEngine {
 public:
  FakeEngine(const EngineLimits& limits, std::uint64_t seed)
      : limits_(limits),
        model_(seed, limits.vocab_size),
        cache_(model_, limits),
        scheduler_(limits) {}

  Result<Served*> add(GenerationRequest request) {
    PARAPET_TRY(
        check_request(request, limits_, limits_.num_kv_blocks - scheduler_.num_pinned_blocks()));
    const std::int64_t max_tokens = allowed_output(request, limits_);
    Served& served = served_.emplace_back(served_.size() + 1, std::move(request), max_tokens);
    scheduler_.add(served.sequence);
    active_.push_back(&served);
    return &served;
  }

  void cancel(Served& served) {
    served.cancelled = true;
    finish(served);
  }

  // One step, as Engine::step() does it. The answer is what was computed.
  Step step() {
    Step step = scheduler_.schedule();
    cache_.copy_blocks(step, scheduler_.blocks());
    for (const Served* served : active_) cache_.adopt_copies(served->sequence, step);
    cache_.compute(step, scheduler_.blocks());
    for (const ScheduledSequence& each : step.sequences) accept(each);
    scheduler_.complete(step);
    for (const ScheduledSequence& each : step.sequences) {
      if (each.sequence->finish_reason) finish(served_.at(each.sequence->id - 1));
    }
    scheduler_.check_integrity();
    return step;
  }

  const FakeModel& model() const { return model_; }
  Scheduler& scheduler() { return scheduler_; }
  const std::deque<Served>& served() const { return served_; }
  const std::vector<Served*>& active() const { return active_; }  // in order of arrival
  std::int64_t num_accepted_on_trunk() const { return num_accepted_on_trunk_; }
  std::int64_t num_accepted_off_trunk() const { return num_accepted_off_trunk_; }

 private:
  // The engine's own rule, in its words: Engine::accept() and Engine::write().
  void accept(const ScheduledSequence& scheduled) {
    Sequence& sequence = *scheduled.sequence;
    const bool reached_end = scheduled.reaches_end();
    const std::uint64_t context = model_.context(sequence.tokens);
    ++sequence.num_passes;
    sequence.num_computed += scheduled.num_tokens;
    if (!reached_end) return;
    if (sequence.max_tokens == 0) {
      sequence.finish_reason = FinishReason::kLength;
      return;
    }
    std::int32_t node = DraftTree::kRoot;
    do {
      std::uint64_t so_far = context;
      for (const TokenId token : scheduled.draft.path(node)) so_far = model_.extend(so_far, token);
      const TokenId next = model_.next(so_far);
      if (node >= scheduled.draft.trunk_len()) {
        ++num_accepted_off_trunk_;
      } else if (node >= 0) {
        ++num_accepted_on_trunk_;
        ++sequence.num_computed;
      }
      write(sequence, next);
      node = scheduled.draft.child(node, next);
    } while (node >= 0 && !sequence.finish_reason);
  }

  static void write(Sequence& sequence, TokenId token) {
    sequence.tokens.push_back(token);
    if (std::ranges::count(sequence.request.stop_token_ids, token) > 0) {
      sequence.finish_reason = FinishReason::kStopToken;
    } else if (sequence.num_output() == sequence.max_tokens) {
      sequence.finish_reason = FinishReason::kLength;
    }
  }

  void finish(Served& served) {
    scheduler_.remove(served.sequence);
    ++served.num_answers;
    if (std::erase(active_, &served) != 1) throw std::runtime_error("answered twice");
  }

  EngineLimits limits_;
  FakeModel model_;
  FakeKvCache cache_;
  Scheduler scheduler_;
  std::deque<Served> served_;
  std::vector<Served*> active_;
  std::int64_t num_accepted_on_trunk_ = 0;
  std::int64_t num_accepted_off_trunk_ = 0;
};

}  // namespace parapet::test
