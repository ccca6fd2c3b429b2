// Which blocks of the KV cache are whose.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace parapet {

// Hands out block ids. Giving back what was not taken is a bug of the caller (PARAPET_CHECK).
class BlockAllocator {
 public:
  explicit BlockAllocator(std::int64_t num_blocks);

  std::int64_t num_blocks() const { return static_cast<std::int64_t>(taken_.size()); }
  std::int64_t num_free() const { return static_cast<std::int64_t>(free_.size()); }

  // `count` blocks, or none at all.
  std::optional<std::vector<std::int32_t>> allocate(std::int64_t count);
  void release(std::span<const std::int32_t> blocks);

  // PARAPET_CHECKs that every block is free once or taken.
  void check_integrity() const;

 private:
  std::vector<std::int32_t> free_;  // a stack: blocks just given back are still in a CPU's cache
  std::vector<bool> taken_;         // by block id
};

}  // namespace parapet
