#include "engine/block_allocator.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace parapet {

BlockAllocator::BlockAllocator(std::int64_t num_blocks)
    : free_(static_cast<std::size_t>(num_blocks)), taken_(static_cast<std::size_t>(num_blocks)) {
  // Descending, so that the top of the stack is block 0.
  std::iota(free_.rbegin(), free_.rend(), 0);
}

std::optional<std::vector<std::int32_t>> BlockAllocator::allocate(std::int64_t count) {
  PARAPET_CHECK(count >= 0);
  if (count > num_free()) return std::nullopt;
  std::vector<std::int32_t> blocks(free_.rbegin(), free_.rbegin() + count);
  free_.resize(free_.size() - blocks.size());
  for (const std::int32_t block : blocks) taken_[static_cast<std::size_t>(block)] = true;
  return blocks;
}

void BlockAllocator::release(std::span<const std::int32_t> blocks) {
  for (const std::int32_t block : blocks) {
    PARAPET_CHECK(block >= 0 && block < num_blocks());
    PARAPET_CHECK(taken_[static_cast<std::size_t>(block)]);
    taken_[static_cast<std::size_t>(block)] = false;
    free_.push_back(block);
  }
}

void BlockAllocator::check_integrity() const {
  std::vector<bool> seen = taken_;
  for (const std::int32_t block : free_) {
    PARAPET_CHECK(block >= 0 && block < num_blocks());
    PARAPET_CHECK(!seen[static_cast<std::size_t>(block)]);
    seen[static_cast<std::size_t>(block)] = true;
  }
  PARAPET_CHECK(std::find(seen.begin(), seen.end(), false) == seen.end());
}

}  // namespace parapet
