#include "engine/scheduler.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/check.h"

namespace parapet {
namespace {

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

// Part of the name of the first block that is not public; later ones carry it in their parents'.
const std::string& salt_of(const Sequence& sequence, std::int64_t block, std::int64_t block_size) {
  static const std::string kNone;
  const std::int64_t first_private = sequence.request.num_public_tokens / block_size;
  return block == first_private ? sequence.request.cache_salt : kNone;
}

}  // namespace

Scheduler::Scheduler(const EngineLimits& limits) : limits_(limits), blocks_(limits.num_kv_blocks) {}

void Scheduler::add(Sequence& sequence) { PARAPET_CHECK(waiting_.insert(&sequence).second); }

Step Scheduler::schedule() {
  Step step;
  continue_running(step, /*writing=*/true);
  continue_running(step, /*writing=*/false);
  start_waiting(step);
  PARAPET_CHECK(room(step) >= 0 && (!step.sequences.empty() || !has_work()));
  return step;
}

// Those who write an answer go first: their tokens are few, and someone waits for each.
void Scheduler::continue_running(Step& step, bool writing) {
  const std::vector<Sequence*> in_order(running_.begin(), running_.end());
  for (Sequence* sequence : in_order) {
    if (!running_.contains(sequence)) continue;  // preempted for one before it
    if ((sequence->num_output() > 0) != writing || room(step) == 0) continue;
    const std::int64_t num_tokens = std::min(sequence->num_uncomputed(), room(step));
    if (!extend_by_preemption(*sequence, sequence->num_computed + num_tokens)) continue;
    schedule_tokens(*sequence, step);
  }
}

void Scheduler::schedule_tokens(Sequence& sequence, Step& step) {
  ScheduledSequence scheduled{.sequence = &sequence};
  scheduled.num_tokens = std::min(sequence.num_uncomputed(), room(step));
  if (scheduled.reaches_end()) add_draft(scheduled, step);
  if (scheduled.num_tokens <= 0) return;
  step.num_rows += scheduled.num_rows();
  step.num_branches += std::ssize(scheduled.draft.branches());
  step.sequences.push_back(std::move(scheduled));
}

void Scheduler::start_waiting(Step& step) {
  while (!waiting_.empty() && num_running() < limits_.max_num_seqs && room(step) > 0) {
    // Those that start would fill the next steps too, and the draft would wait for ever.
    if (step.draft_waits) return;
    Sequence& next = **waiting_.begin();
    // Nobody overtakes: a long sequence would else wait for ever behind short ones.
    if (!start(next, step)) return;
    waiting_.erase(waiting_.begin());
    running_.insert(&next);
    note_start(next);
    schedule_tokens(next, step);
  }
}

// A sequence starts when all its tokens so far have room: one that begins only to be preempted
// would have wasted its steps.
bool Scheduler::start(Sequence& sequence, Step& step) {
  take_whole_blocks(sequence);
  const std::int64_t num_copied = copy_part_of_block(sequence, step);
  bool fits = extend(sequence, sequence.num_tokens());
  if (!fits && num_copied > 0) {  // the copy's source is one block more than the sequence needs
    blocks_.release(step.block_copies.back().first);
    step.block_copies.pop_back();
    sequence.num_computed -= num_copied;
    fits = extend(sequence, sequence.num_tokens());
  }
  if (!fits) release_blocks(sequence);
  return fits;
}

// The block of the cache that goes on as the sequence does, after what the sequence has.
BlockPool::Match Scheduler::find_next(const Sequence& sequence) const {
  const GenerationRequest& request = sequence.request;
  if (!limits_.enable_prefix_caching || !request.use_prefix_cache) return {};
  if (request.prompt_logprobs) return {};  // every position must be computed
  // The last token is always computed: its logits are what the step is for.
  const std::int64_t known = sequence.num_tokens() - 1;
  const auto look_up = [&](const std::string& salt, std::int64_t end) -> BlockPool::Match {
    const std::int64_t count = std::min(limits_.block_size, end - sequence.num_computed);
    if (count <= 0) return {};
    return blocks_.find(
        sequence.prefix, salt,
        std::span(sequence.tokens).subspan(to_size(sequence.num_computed), to_size(count)));
  };
  const auto own = look_up(salt_of(sequence, sequence.num_published, limits_.block_size), known);
  const auto of_all = look_up("", std::min(known, request.num_public_tokens));
  return own.num_tokens >= of_all.num_tokens ? own : of_all;
}

void Scheduler::take_whole_blocks(Sequence& sequence) {
  PARAPET_CHECK(sequence.block_table.empty() && sequence.num_computed == 0);
  for (auto found = find_next(sequence); found.num_tokens == limits_.block_size;
       found = find_next(sequence)) {
    blocks_.retain(found.block);
    sequence.block_table.push_back(found.block);
    sequence.num_computed += found.num_tokens;
    sequence.prefix = found.prefix;
    ++sequence.num_published;
  }
}

// Of the block where two prompts part, the common tokens are copied: their number.
std::int64_t Scheduler::copy_part_of_block(Sequence& sequence, Step& step) {
  const BlockPool::Match found = find_next(sequence);
  if (found.num_tokens == 0) return 0;
  blocks_.retain(found.block);  // else it might be handed out as its own copy
  const auto copy = blocks_.allocate();
  if (!copy) {
    blocks_.release(found.block);
    return 0;
  }
  step.block_copies.emplace_back(found.block, *copy);
  sequence.block_table.push_back(*copy);
  sequence.num_computed += found.num_tokens;
  return found.num_tokens;
}

void Scheduler::note_start(Sequence& sequence) {
  if (sequence.started != Sequence::Clock::time_point{}) return;  // preempted, and here again
  sequence.started = Sequence::Clock::now();
  sequence.num_cached_tokens = sequence.num_computed;
  stats_.prefix_queries += sequence.num_prompt();
  stats_.prefix_hits += sequence.num_cached_tokens;
}

// A draft is a guess: it takes blocks that are free, from nobody. But where it finds no room among
// the step's rows, the last token of a prompt waits with it for the next step, since a draft that
// comes too late costs a pass for each token that it would have saved.
void Scheduler::add_draft(ScheduledSequence& scheduled, Step& step) {
  Sequence& sequence = *scheduled.sequence;
  const AnswerPlan* plan = sequence.request.plan.get();
  const std::int64_t tokens_left = sequence.max_tokens - sequence.num_output();
  if (plan == nullptr || tokens_left < 2 || !sequence.request.sampling.plain_greedy()) return;
  const std::int64_t max_nodes = limits_.max_num_batched_tokens - 1;
  DraftLayout draft(plan->draft(sequence.written()), tokens_left - 1, max_nodes);
  if (draft.num_nodes() == 0) return;
  if (draft.num_nodes() > room(step) - scheduled.num_tokens ||
      step.num_branches + std::ssize(draft.branches()) > kMaxStepBranches) {
    if (sequence.num_output() > 0) return;
    --scheduled.num_tokens;
    step.draft_waits = true;
    return;
  }
  if (!extend(sequence, sequence.num_tokens() + draft.trunk_len())) return;
  const std::int64_t num_scratch = limits_.blocks_for(draft.num_off_trunk());
  if (num_scratch > blocks_.num_free()) return;
  for (std::int64_t i = 0; i < num_scratch; ++i) {
    scheduled.scratch_blocks.push_back(*blocks_.allocate());
  }
  scheduled.draft = std::move(draft);
}

bool Scheduler::extend(Sequence& sequence, std::int64_t num_tokens) {
  const std::int64_t missing = limits_.blocks_for(num_tokens) - std::ssize(sequence.block_table);
  if (missing > blocks_.num_free()) return false;
  for (std::int64_t i = 0; i < missing; ++i) sequence.block_table.push_back(*blocks_.allocate());
  return true;
}

// Takes blocks from the last in order until there are enough; false where that was the sequence
// itself. The last in order has nothing in the step yet: only those who write need blocks here,
// since prompts start with all of theirs, and they are served in order, before all others.
bool Scheduler::extend_by_preemption(Sequence& sequence, std::int64_t num_tokens) {
  while (!extend(sequence, num_tokens)) {
    Sequence& last = **running_.rbegin();
    preempt(last);
    if (&last == &sequence) return false;
  }
  return true;
}

void Scheduler::preempt(Sequence& sequence) {
  running_.erase(&sequence);
  publish_tail(sequence);
  release_blocks(sequence);
  waiting_.insert(&sequence);
  ++stats_.num_preemptions;
}

void Scheduler::complete(const Step& step) {
  for (const auto& [source, copy] : step.block_copies) blocks_.release(source);
  for (const ScheduledSequence& each : step.sequences) {
    for (const std::int32_t block : each.scratch_blocks) blocks_.release(block);
    publish(*each.sequence);
  }
}

void Scheduler::publish(Sequence& sequence) {
  if (!limits_.enable_prefix_caching) return;
  while ((sequence.num_published + 1) * limits_.block_size <= sequence.num_computed) {
    sequence.prefix = publish_block(sequence, limits_.block_size);
    ++sequence.num_published;
  }
}

// What a prompt leaves in its last block is of use to those that begin alike.
void Scheduler::publish_tail(Sequence& sequence) {
  const std::int64_t rest = sequence.num_computed - sequence.num_published * limits_.block_size;
  if (limits_.enable_prefix_caching && rest > 0) publish_block(sequence, rest);
}

// The first num_tokens tokens of the sequence's first unpublished block.
PrefixId Scheduler::publish_block(Sequence& sequence, std::int64_t num_tokens) {
  const std::int64_t index = sequence.num_published;
  const auto tokens =
      std::span(sequence.tokens).subspan(to_size(index * limits_.block_size), to_size(num_tokens));
  std::int32_t& block = sequence.block_table[to_size(index)];
  const BlockPool::Match found =
      blocks_.publish(block, {.parent = sequence.prefix,
                              .salt = salt_of(sequence, index, limits_.block_size),
                              .tokens = {tokens.begin(), tokens.end()}});
  if (found.block != block) {
    // Another computed the same at the same time. One block is enough, and it must be the one that
    // can be found: what is published or pinned after it hangs on its name.
    blocks_.retain(found.block);
    blocks_.release(block);
    block = found.block;
  }
  return found.prefix;
}

void Scheduler::remove(Sequence& sequence) {
  if (waiting_.erase(&sequence) == 1) return;
  PARAPET_CHECK(running_.erase(&sequence) == 1);
  publish_tail(sequence);
  if (sequence.request.pin_prompt && sequence.num_computed >= sequence.num_prompt()) pin(sequence);
  release_blocks(sequence);
}

// Only where everyone who was let in still fits beside what is pinned.
void Scheduler::pin(const Sequence& sequence) {
  if (!limits_.enable_prefix_caching) return;  // nobody would find it
  std::set<std::int32_t> added;
  for (std::int64_t i = 0; i < limits_.blocks_for(sequence.num_prompt()); ++i) {
    const std::int32_t block = sequence.block_table[to_size(i)];
    if (!pinned_.contains(block)) added.insert(block);
  }
  std::int64_t most_needed = 0;
  for (const Ordered* all : {&waiting_, &running_}) {
    for (const Sequence* other : *all) {
      most_needed = std::max(most_needed, limits_.blocks_for(other->max_cached_tokens()));
    }
  }
  const std::int64_t room = std::min(blocks_.num_blocks() / 2, blocks_.num_blocks() - most_needed);
  if (num_pinned_blocks() + std::ssize(added) > room) return;
  for (const std::int32_t block : added) blocks_.retain(block);
  pinned_.merge(added);
}

void Scheduler::forget_prefixes() {
  blocks_.forget_all();
  for (const std::int32_t block : pinned_) blocks_.release(block);
  pinned_.clear();
}

// From the last to the first: the ends of prefixes are forgotten before their beginnings.
void Scheduler::release_blocks(Sequence& sequence) {
  for (; !sequence.block_table.empty(); sequence.block_table.pop_back()) {
    blocks_.release(sequence.block_table.back());
  }
  sequence.num_computed = 0;
  sequence.num_published = 0;
  sequence.prefix = kNoPrefix;
}

void Scheduler::check_integrity() const {
  blocks_.check_integrity();
  std::map<std::int32_t, std::int64_t> users;
  for (const Sequence* sequence : running_) {
    PARAPET_CHECK(!waiting_.contains(const_cast<Sequence*>(sequence)));
    PARAPET_CHECK(limits_.blocks_for(sequence->num_computed) <= std::ssize(sequence->block_table));
    for (const std::int32_t block : sequence->block_table) ++users[block];
  }
  for (const Sequence* sequence : waiting_) PARAPET_CHECK(sequence->block_table.empty());
  for (const std::int32_t block : pinned_) ++users[block];
  for (std::int32_t block = 0; block < blocks_.num_blocks(); ++block) {
    const auto counted = users.find(block);
    PARAPET_CHECK(blocks_.num_users(block) == (counted == users.end() ? 0 : counted->second));
  }
}

}  // namespace parapet
