#include "engine/step_inputs.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace parapet {

Result<StepInputs> StepInputs::allocate(Device& device, const EngineLimits& limits) {
  const std::int64_t tokens = limits.max_num_batched_tokens;
  const std::int64_t contexts = limits.max_num_seqs + kMaxStepBranches;
  StepInputs inputs(limits.block_size);
  PARAPET_ASSIGN(inputs.token_ids_, Ints::allocate(device, tokens));
  PARAPET_ASSIGN(inputs.positions_, Ints::allocate(device, tokens));
  PARAPET_ASSIGN(inputs.slot_mapping_, Ints::allocate(device, tokens));
  PARAPET_ASSIGN(inputs.query_start_, Ints::allocate(device, contexts + 1));
  PARAPET_ASSIGN(inputs.context_lens_, Ints::allocate(device, contexts));
  PARAPET_ASSIGN(inputs.block_tables_,
                 Ints::allocate(device, contexts * limits.max_blocks_per_seq()));
  PARAPET_ASSIGN(inputs.tail_start_, Ints::allocate(device, contexts));
  PARAPET_ASSIGN(inputs.tail_slots_, Ints::allocate(device, contexts * kMaxDraftDepth));
  PARAPET_ASSIGN(inputs.block_copies_, Ints::allocate(device, 2 * limits.max_num_seqs));
  return inputs;
}

std::array<StepInputs::Ints*, 9> StepInputs::arrays() {
  return {&token_ids_,    &positions_,  &slot_mapping_, &query_start_, &context_lens_,
          &block_tables_, &tail_start_, &tail_slots_,   &block_copies_};
}

void StepInputs::prepare(Stream& stream, const Step& step, std::int64_t padded_rows) {
  for (Ints* array : arrays()) array->host().clear();
  contexts_.clear();
  max_query_len_ = max_context_len_ = max_tail_ = 0;
  query_start_.host().push_back(0);
  for (const ScheduledSequence& each : step.sequences) append(each);
  num_rows_ = std::ssize(token_ids_.host());
  PARAPET_CHECK(num_rows_ == step.num_rows && num_rows_ <= padded_rows);
  token_ids_.host().resize(static_cast<std::size_t>(padded_rows), 0);
  positions_.host().resize(static_cast<std::size_t>(padded_rows), 0);
  append_tables();
  for (const auto& [source, copy] : step.block_copies) {
    block_copies_.host().insert(block_copies_.host().end(), {source, copy});
  }
  num_block_copies_ = std::ssize(step.block_copies);
  for (Ints* array : arrays()) array->upload(stream);
}

void StepInputs::append(const ScheduledSequence& scheduled) {
  const Sequence& sequence = *scheduled.sequence;
  const DraftLayout& draft = scheduled.draft;
  const std::int64_t end = sequence.num_computed + scheduled.num_tokens;
  for (std::int64_t position = sequence.num_computed; position < end; ++position) {
    append_row(sequence.tokens[static_cast<std::size_t>(position)], position,
               slot_of(sequence.block_table, position));
  }
  const auto scratch_slot = [&](std::int64_t node) {
    return slot_of(scheduled.scratch_blocks, node - draft.trunk_len());
  };
  for (std::int64_t node = 0; node < draft.num_nodes(); ++node) {
    const std::int64_t position = end + draft.depth(node);
    append_row(
        draft.token(node), position,
        node < draft.trunk_len() ? slot_of(sequence.block_table, position) : scratch_slot(node));
  }
  const std::int64_t trunk_end = end + draft.trunk_len();
  append_context({&sequence.block_table, trunk_end, trunk_end, {}},
                 scheduled.num_tokens + draft.trunk_len());
  for (const DraftLayout::Branch& branch : draft.branches()) {
    Context context{
        &sequence.block_table, end + draft.depth(branch.end - 1) + 1, end + branch.first_depth, {}};
    for (const std::int32_t node : branch.tail) context.tail_slots.push_back(scratch_slot(node));
    append_context(std::move(context), branch.end - branch.begin);
  }
}

std::int32_t StepInputs::slot_of(const std::vector<std::int32_t>& blocks,
                                 std::int64_t index) const {
  const std::int64_t block = blocks.at(static_cast<std::size_t>(index / block_size_));
  return static_cast<std::int32_t>(block * block_size_ + index % block_size_);
}

void StepInputs::append_row(TokenId token, std::int64_t position, std::int32_t slot) {
  token_ids_.host().push_back(token);
  positions_.host().push_back(static_cast<std::int32_t>(position));
  slot_mapping_.host().push_back(slot);
}

void StepInputs::append_context(Context context, std::int64_t query_len) {
  query_start_.host().push_back(query_start_.host().back() + static_cast<std::int32_t>(query_len));
  context_lens_.host().push_back(static_cast<std::int32_t>(context.context_len));
  max_query_len_ = std::max(max_query_len_, query_len);
  max_context_len_ = std::max(max_context_len_, context.context_len);
  max_tail_ = std::max(max_tail_, std::ssize(context.tail_slots));
  contexts_.push_back(std::move(context));
}

// Only the columns that this step reads: a table for max_model_len would be mostly padding. Without
// a branch in the step there are no tails at all.
void StepInputs::append_tables() {
  max_blocks_ = (max_context_len_ + block_size_ - 1) / block_size_;
  for (const Context& context : contexts_) {
    const auto columns = static_cast<std::ptrdiff_t>(max_blocks_);
    const auto& table = *context.block_table;
    auto& tables = block_tables_.host();
    tables.insert(tables.end(), table.begin(),
                  table.begin() + std::min(columns, std::ssize(table)));
    tables.resize(tables.size() + static_cast<std::size_t>(
                                      std::max<std::ptrdiff_t>(0, columns - std::ssize(table))));
    if (max_tail_ == 0) continue;
    tail_start_.host().push_back(static_cast<std::int32_t>(context.tail_start));
    auto& slots = tail_slots_.host();
    slots.insert(slots.end(), context.tail_slots.begin(), context.tail_slots.end());
    slots.resize(slots.size() + static_cast<std::size_t>(max_tail_) - context.tail_slots.size());
  }
}

BatchView StepInputs::batch() const {
  const TensorView context_lens = context_lens_.view();
  BatchView batch{.token_ids = token_ids_.slice(0, num_rows_),
                  .positions = positions_.slice(0, num_rows_),
                  .slot_mapping = slot_mapping_.view(),
                  .query_start = query_start_.view(),
                  .context_lens = context_lens,
                  .block_tables = block_tables_.view(context_lens.dim(0), max_blocks_)};
  if (max_tail_ > 0) {
    batch.tail_start = tail_start_.view();
    batch.tail_slots = tail_slots_.view(context_lens.dim(0), max_tail_);
  }
  batch.max_query_len = static_cast<int>(max_query_len_);
  batch.max_context_len = static_cast<int>(max_context_len_);
  return batch;
}

}  // namespace parapet
