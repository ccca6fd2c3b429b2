// Decides what each step computes.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "engine/block_pool.h"
#include "engine/draft_layout.h"
#include "engine/options.h"
#include "engine/sequence.h"

namespace parapet {

// The next num_tokens tokens of a sequence that are not computed yet, and after the last of them,
// if there is one, a draft of what may follow.
struct ScheduledSequence {
  Sequence* sequence = nullptr;
  std::int64_t num_tokens = 0;
  DraftLayout draft = {};
  std::vector<std::int32_t> scratch_blocks = {};  // for the draft's nodes off the trunk

  std::int64_t num_rows() const { return num_tokens + draft.num_nodes(); }
  // True where the step reaches the sequence's last token.
  bool reaches_end() const { return num_tokens == sequence->num_uncomputed(); }
};

struct Step {
  std::vector<ScheduledSequence> sequences;
  // Copied before anything is computed: source and destination.
  std::vector<std::pair<std::int32_t, std::int32_t>> block_copies;
  std::int64_t num_rows = 0;
  std::int64_t num_branches = 0;  // of all drafts
  bool draft_waits = false;       // some draft found no room here
};
inline constexpr std::int64_t kMaxStepBranches = 256;

struct SchedulerStats {
  std::int64_t num_preemptions = 0;
  std::int64_t prefix_queries = 0;  // prompt tokens that were looked up
  std::int64_t prefix_hits = 0;     // of them, found in the cache
};

// Continuous batching: every step, those who write get their next token and prompts fill the rest.
//
// Who comes first (priority, then arrival) is served first and keeps what it has; blocks are taken
// as they are needed, and when none is left the last in order gives up its own and starts again
// later, from what the cache still holds of it. The first in order can therefore always go on, and
// no one waits for ever.
class Scheduler {
 public:
  explicit Scheduler(const EngineLimits& limits);

  void add(Sequence& sequence);
  bool has_work() const { return !waiting_.empty() || !running_.empty(); }
  std::int64_t num_waiting() const { return std::ssize(waiting_); }
  std::int64_t num_running() const { return std::ssize(running_); }

  // What to compute next; not empty while there is work. Each is followed by one complete().
  Step schedule();
  // The step has been computed and its sequences brought up to date: what it borrowed is free
  // again, and full blocks can be found by others.
  void complete(const Step& step);
  // The sequence leaves, running or waiting; its blocks are free, or stay pinned if it asked so.
  // Not between schedule() and complete().
  void remove(Sequence& sequence);

  const BlockPool& blocks() const { return blocks_; }
  std::int64_t num_pinned_blocks() const { return std::ssize(pinned_); }
  const SchedulerStats& stats() const { return stats_; }
  // Nothing computed so far is found again; what was pinned is free.
  void forget_prefixes();

  // PARAPET_CHECKs that every block is used as often as somebody says they use it, and that no
  // sequence stands in two places.
  void check_integrity() const;

 private:
  struct InOrder {
    bool operator()(const Sequence* a, const Sequence* b) const { return a->order() < b->order(); }
  };
  using Ordered = std::set<Sequence*, InOrder>;

  void continue_running(Step& step, bool writing);
  void start_waiting(Step& step);
  bool start(Sequence& sequence, Step& step);
  BlockPool::Match find_next(const Sequence& sequence) const;
  void take_whole_blocks(Sequence& sequence);
  std::int64_t copy_part_of_block(Sequence& sequence, Step& step);
  void note_start(Sequence& sequence);
  void schedule_tokens(Sequence& sequence, Step& step);
  void add_draft(ScheduledSequence& scheduled, Step& step);

  std::int64_t room(const Step& step) const {
    return limits_.max_num_batched_tokens - step.num_rows;
  }
  bool extend(Sequence& sequence, std::int64_t num_tokens);
  bool extend_by_preemption(Sequence& sequence, std::int64_t num_tokens);
  void preempt(Sequence& sequence);
  void publish(Sequence& sequence);
  void publish_tail(Sequence& sequence);
  PrefixId publish_block(Sequence& sequence, std::int64_t num_tokens);
  void pin(const Sequence& sequence);
  void release_blocks(Sequence& sequence);

  EngineLimits limits_;
  BlockPool blocks_;
  Ordered waiting_;
  Ordered running_;
  std::set<std::int32_t> pinned_;
  SchedulerStats stats_;
};

}  // namespace parapet
