#include "engine/scheduler.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"

namespace parapet {

Scheduler::Scheduler(const EngineLimits& limits) : limits_(limits), blocks_(limits.num_kv_blocks) {}

void Scheduler::add(Sequence& sequence) { waiting_.push_back(&sequence); }

void Scheduler::start_waiting() {
  while (!waiting_.empty() && std::ssize(running_) < limits_.max_num_seqs) {
    Sequence& next = *waiting_.front();
    auto blocks = blocks_.allocate(limits_.blocks_for(next.max_cached_tokens()));
    // Nobody overtakes: a long sequence would else wait for ever behind short ones.
    if (!blocks) return;
    next.block_table = std::move(*blocks);
    running_.push_back(&next);
    waiting_.pop_front();
  }
}

std::vector<ScheduledSequence> Scheduler::schedule() {
  start_waiting();
  std::vector<ScheduledSequence> scheduled;
  std::int64_t room = limits_.max_num_batched_tokens;
  for (Sequence* sequence : running_) {
    if (sequence->num_uncomputed() != 1) continue;
    scheduled.push_back({sequence, 1});
    --room;
  }
  for (Sequence* sequence : running_) {
    if (sequence->num_uncomputed() == 1 || room == 0) continue;
    const std::int64_t num_tokens = std::min(sequence->num_uncomputed(), room);
    scheduled.push_back({sequence, num_tokens});
    room -= num_tokens;
  }
  PARAPET_CHECK(room >= 0 && (!scheduled.empty() || !has_work()));
  return scheduled;
}

void Scheduler::finish(Sequence& sequence) {
  PARAPET_CHECK(std::erase(running_, &sequence) == 1);
  blocks_.release(sequence.block_table);
  sequence.block_table.clear();
}

void Scheduler::clear() {
  waiting_.clear();
  while (!running_.empty()) finish(*running_.back());
}

}  // namespace parapet
