// A step's integers on their way to the device.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "device/device.h"
#include "device/ops.h"
#include "engine/device_array.h"
#include "engine/options.h"
#include "engine/scheduler.h"
#include "parapet/error.h"

namespace parapet {

// The batch that a step's sequences and their drafts make. A scheduled sequence's rows follow each
// other: its tokens, then its draft's nodes in their layout's order.
class StepInputs {
 public:
  static Result<StepInputs> allocate(Device& device, const EngineLimits& limits);

  // Lays the step out and enqueues its copy. Rows up to padded_rows are filled with token 0.
  void prepare(Stream& stream, const Step& step, std::int64_t padded_rows);

  BatchView batch() const;
  TensorView block_copies() const { return block_copies_.view(num_block_copies_, 2); }
  // Where the first num_rows of every step's are: i32 [num_rows].
  TensorView token_ids_for(std::int64_t num_rows) const { return token_ids_.slice(0, num_rows); }
  TensorView positions_for(std::int64_t num_rows) const { return positions_.slice(0, num_rows); }

 private:
  using Ints = DeviceArray<std::int32_t>;

  // One row of the block tables: a sequence with its trunk, or a branch.
  struct Context {
    const std::vector<std::int32_t>* block_table;
    std::int64_t context_len;
    std::int64_t tail_start;
    std::vector<std::int32_t> tail_slots;
  };

  explicit StepInputs(std::int64_t block_size) : block_size_(block_size) {}

  std::array<Ints*, 9> arrays();
  void append(const ScheduledSequence& scheduled);
  void append_row(TokenId token, std::int64_t position, std::int32_t slot);
  void append_context(Context context, std::int64_t query_len);
  void append_tables();
  std::int32_t slot_of(const std::vector<std::int32_t>& blocks, std::int64_t index) const;

  std::int64_t block_size_;
  Ints token_ids_;
  Ints positions_;
  Ints slot_mapping_;
  Ints query_start_;
  Ints context_lens_;
  Ints block_tables_;
  Ints tail_start_;
  Ints tail_slots_;
  Ints block_copies_;
  std::vector<Context> contexts_;
  std::int64_t num_rows_ = 0;
  std::int64_t num_block_copies_ = 0;
  std::int64_t max_blocks_ = 0;  // columns of the block tables
  std::int64_t max_tail_ = 0;    // columns of the tail slots
  std::int64_t max_query_len_ = 0;
  std::int64_t max_context_len_ = 0;
};

}  // namespace parapet
