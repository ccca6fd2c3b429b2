#include "engine/step_inputs.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace parapet {

Result<StepInputs> StepInputs::allocate(Device& device, const EngineLimits& limits) {
  const std::int64_t tokens = limits.max_num_batched_tokens;
  const std::int64_t seqs = limits.max_num_seqs;
  StepInputs inputs(limits.block_size);
  PARAPET_ASSIGN(inputs.token_ids_, Ints::allocate(device, tokens));
  PARAPET_ASSIGN(inputs.positions_, Ints::allocate(device, tokens));
  PARAPET_ASSIGN(inputs.slot_mapping_, Ints::allocate(device, tokens));
  PARAPET_ASSIGN(inputs.query_start_, Ints::allocate(device, seqs + 1));
  PARAPET_ASSIGN(inputs.context_lens_, Ints::allocate(device, seqs));
  PARAPET_ASSIGN(inputs.block_tables_, Ints::allocate(device, seqs * limits.max_blocks_per_seq()));
  PARAPET_ASSIGN(inputs.logit_rows_, Ints::allocate(device, seqs));
  return inputs;
}

void StepInputs::prepare(Stream& stream, std::span<const ScheduledSequence> scheduled) {
  for (Ints* array : arrays()) array->host().clear();
  max_query_len_ = max_context_len_ = 0;
  query_start_.host().push_back(0);
  for (const ScheduledSequence& each : scheduled) append(each);
  append_block_tables(scheduled);
  for (Ints* array : arrays()) array->upload(stream);
}

std::array<StepInputs::Ints*, 7> StepInputs::arrays() {
  return {&token_ids_,    &positions_,    &slot_mapping_, &query_start_,
          &context_lens_, &block_tables_, &logit_rows_};
}

void StepInputs::append(const ScheduledSequence& scheduled) {
  const Sequence& sequence = *scheduled.sequence;
  const std::int64_t context_len = sequence.num_computed + scheduled.num_tokens;
  for (std::int64_t position = sequence.num_computed; position < context_len; ++position) {
    const std::int64_t block =
        sequence.block_table.at(static_cast<std::size_t>(position / block_size_));
    token_ids_.host().push_back(sequence.tokens[static_cast<std::size_t>(position)]);
    positions_.host().push_back(static_cast<std::int32_t>(position));
    slot_mapping_.host().push_back(
        static_cast<std::int32_t>(block * block_size_ + position % block_size_));
  }
  const auto end = static_cast<std::int32_t>(token_ids_.host().size());
  query_start_.host().push_back(end);
  context_lens_.host().push_back(static_cast<std::int32_t>(context_len));
  if (scheduled.yields_token()) logit_rows_.host().push_back(end - 1);
  max_query_len_ = std::max(max_query_len_, scheduled.num_tokens);
  max_context_len_ = std::max(max_context_len_, context_len);
}

// Only the columns that this step reads: a table for max_model_len would be mostly padding.
void StepInputs::append_block_tables(std::span<const ScheduledSequence> scheduled) {
  max_blocks_ = (max_context_len_ + block_size_ - 1) / block_size_;
  for (const ScheduledSequence& each : scheduled) {
    std::vector<std::int32_t> row = each.sequence->block_table;
    row.resize(static_cast<std::size_t>(max_blocks_), 0);
    block_tables_.host().insert(block_tables_.host().end(), row.begin(), row.end());
  }
}

BatchView StepInputs::batch() const {
  const TensorView context_lens = context_lens_.view();
  return {.token_ids = token_ids_.view(),
          .positions = positions_.view(),
          .slot_mapping = slot_mapping_.view(),
          .query_start = query_start_.view(),
          .context_lens = context_lens,
          .block_tables = block_tables_.view(context_lens.dim(0), max_blocks_),
          .max_query_len = static_cast<int>(max_query_len_),
          .max_context_len = static_cast<int>(max_context_len_)};
}

}  // namespace parapet
