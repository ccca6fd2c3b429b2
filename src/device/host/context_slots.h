// Where the keys of one sequence's context lie: by block table, and from the tail on by slot.
#pragma once

#include <cstdint>

#include "device/ops.h"

namespace parapet {

class ContextSlots {
 public:
  ContextSlots(const BatchView& batch, std::int64_t seq, int block_size)
      : blocks_(batch.block_tables.as<const std::int32_t>() + seq * batch.block_tables.dim(1)),
        block_size_(block_size),
        tail_start_(batch.context_lens.as<const std::int32_t>()[seq]) {
    if (batch.tail_start.null()) return;
    tail_start_ = batch.tail_start.as<const std::int32_t>()[seq];
    tail_ = batch.tail_slots.as<const std::int32_t>() + seq * batch.tail_slots.dim(1);
  }

  // Positions below it lie in the block table, a block's positions side by side.
  int tail_start() const { return tail_start_; }

  std::int64_t slot(int position) const {
    if (position >= tail_start_) return tail_[position - tail_start_];
    return std::int64_t{blocks_[position / block_size_]} * block_size_ + position % block_size_;
  }

 private:
  const std::int32_t* blocks_;
  int block_size_;
  int tail_start_;
  const std::int32_t* tail_ = nullptr;
};

}  // namespace parapet
