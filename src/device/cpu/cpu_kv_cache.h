// Keys and values in blocks, each block's KV heads apart: what one attention task reads is dense.
//
//   keys    [layers, blocks, kv_heads, panels, head_dim, kPanelKeys]   panels = blocks of 16 slots
//   values  [layers, blocks, kv_heads, block_size, head_dim]
//
// Keys of neighbouring slots lie side by side, so that one vector holds an element of several keys
// and a score needs no sum across lanes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "device/cpu/isa/kernel_table.h"
#include "device/device.h"
#include "device/host/host_memory.h"

namespace parapet::cpu {

class CpuKvCache final : public KvCache {
 public:
  static Result<std::unique_ptr<KvCache>> make(const KvCacheSpec& spec);

  const KvCacheSpec& spec() const override { return spec_; }

  // Whether a panel of keys, counted from position 0, always lies in one block.
  bool panels_fill_blocks() const { return spec_.block_size % kPanelKeys == 0; }

  // Element 0 of a slot's key; element d lies kPanelKeys * d further.
  std::size_t key_index(int layer, std::int64_t slot, int head) const;
  // Element 0 of a slot's value; its elements follow each other.
  std::size_t value_index(int layer, std::int64_t slot, int head) const;

  std::byte* keys() { return keys_.get(); }
  const std::byte* keys() const { return keys_.get(); }
  std::byte* values() { return values_.get(); }
  const std::byte* values() const { return values_.get(); }

  // Writes one token's key and value of one head, rounded to the cache's type.
  void store(int layer, std::int64_t slot, int head, const float* key, const float* value);
  void copy_block(std::int64_t from, std::int64_t to);

 private:
  explicit CpuKvCache(const KvCacheSpec& spec);
  // Which of the [layers, blocks, kv_heads] pieces holds the slot.
  std::size_t piece(int layer, std::int64_t slot, int head) const;

  KvCacheSpec spec_;
  std::size_t key_block_;    // elements of one block of one head
  std::size_t value_block_;  // likewise
  AlignedBytes keys_;
  AlignedBytes values_;
};

}  // namespace parapet::cpu
