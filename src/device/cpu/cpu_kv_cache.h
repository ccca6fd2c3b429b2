// Keys and values in blocks, each block's KV heads apart: what one attention task reads is dense.
//
//   keys    [layers, blocks, kv_heads, panels, head_dim, kPanelKeys]   panels = blocks of 16 slots
//   values  [layers, blocks, kv_heads, block_size, head_dim]
//   scales  [layers, blocks, kv_heads, panels, kPanelKeys]   of keys and of values; int8 only
//
// Keys of neighbouring slots lie side by side, so that one vector holds an element of several keys
// and a score needs no sum across lanes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/cpu/isa/kernel_table.h"
#include "device/host/host_kv_cache.h"
#include "device/host/host_memory.h"

namespace parapet::cpu {

class CpuKvCache final : public HostKvCache {
 public:
  static Result<std::unique_ptr<KvCache>> make(const KvCacheSpec& spec);

  const KvCacheSpec& spec() const override { return spec_; }

  // Whether a panel of keys, counted from position 0, always lies in one block.
  bool panels_fill_blocks() const { return spec_.block_size % kPanelKeys == 0; }

  // Element 0 of a slot's key; element d lies kPanelKeys * d further.
  const std::byte* key(int layer, std::int64_t slot, int head) const;
  // Element 0 of a slot's value; its elements follow each other.
  const std::byte* value(int layer, std::int64_t slot, int head) const;
  // A slot's scales, followed by those of the panel's next slots. Null unless the type is int8.
  const float* key_scale(int layer, std::int64_t slot, int head) const;
  const float* value_scale(int layer, std::int64_t slot, int head) const;

  void read_key(int layer, std::int64_t slot, int head, float* key) const override;
  void read_value(int layer, std::int64_t slot, int head, float* value) const override;

  // Writes one token's key and value of one head, rounded to the cache's type.
  void store(int layer, std::int64_t slot, int head, const float* key, const float* value);
  void copy_block(std::int64_t from, std::int64_t to);

 private:
  // One array of the cache, in equal pieces for the layers, blocks and KV heads.
  struct Array {
    std::size_t piece_bytes;
    AlignedBytes memory;
  };

  explicit CpuKvCache(const KvCacheSpec& spec);
  // The piece of the slot's block; where in it the slot's key or value begins, in bytes.
  std::byte* piece(const Array& array, int layer, std::int64_t slot, int head) const;
  std::size_t key_offset(std::int64_t slot) const;
  std::size_t value_offset(std::int64_t slot) const;
  float* scale(const Array& scales, int layer, std::int64_t slot, int head) const;
  std::array<Array*, 4> arrays() { return {&keys_, &values_, &key_scales_, &value_scales_}; }

  KvCacheSpec spec_;
  Array keys_;
  Array values_;
  Array key_scales_;
  Array value_scales_;
};

}  // namespace parapet::cpu
