// A step's integers on their way to the device.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "device/device.h"
#include "device/ops.h"
#include "engine/device_array.h"
#include "engine/options.h"
#include "engine/scheduler.h"
#include "parapet/error.h"

namespace parapet {

// The batch that a step's sequences make, and which of its rows end a sequence.
class StepInputs {
 public:
  static Result<StepInputs> allocate(Device& device, const EngineLimits& limits);

  // Lays the sequences out and enqueues their copy.
  void prepare(Stream& stream, std::span<const ScheduledSequence> scheduled);

  BatchView batch() const;
  TensorView logit_rows() const { return logit_rows_.view(); }  // i32, one a yields_token()

 private:
  using Ints = DeviceArray<std::int32_t>;

  explicit StepInputs(std::int64_t block_size) : block_size_(block_size) {}

  std::array<Ints*, 7> arrays();
  void append(const ScheduledSequence& scheduled);
  void append_block_tables(std::span<const ScheduledSequence> scheduled);

  std::int64_t block_size_;
  Ints token_ids_;
  Ints positions_;
  Ints slot_mapping_;
  Ints query_start_;
  Ints context_lens_;
  Ints block_tables_;
  Ints logit_rows_;
  std::int64_t max_blocks_ = 0;  // columns of the block tables
  std::int64_t max_query_len_ = 0;
  std::int64_t max_context_len_ = 0;
};

}  // namespace parapet
