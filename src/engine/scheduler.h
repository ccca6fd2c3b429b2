// Decides what each step computes.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "engine/block_allocator.h"
#include "engine/options.h"
#include "engine/sequence.h"

namespace parapet {

// The next num_tokens tokens of a sequence that are not computed yet.
struct ScheduledSequence {
  Sequence* sequence;
  std::int64_t num_tokens;

  // True where the step reaches the sequence's last token, so that the next one can be chosen.
  bool yields_token() const { return num_tokens == sequence->num_uncomputed(); }
};

// First come, first served. A sequence starts when the blocks for all it may come to are free, so
// that none that runs ever has to wait or be thrown out.
class Scheduler {
 public:
  explicit Scheduler(const EngineLimits& limits);

  void add(Sequence& sequence);
  bool has_work() const { return !waiting_.empty() || !running_.empty(); }

  // One step: a token for each sequence that is writing its answer, then as much of the prompts,
  // oldest first, as max_num_batched_tokens leaves room for. Not empty while there is work.
  std::vector<ScheduledSequence> schedule();
  // The sequence is done: its blocks are free again.
  void finish(Sequence& sequence);
  // Gives up on all sequences.
  void clear();

  const BlockAllocator& blocks() const { return blocks_; }

 private:
  void start_waiting();

  EngineLimits limits_;
  BlockAllocator blocks_;
  std::deque<Sequence*> waiting_;
  std::vector<Sequence*> running_;  // in order of arrival
};

}  // namespace parapet
