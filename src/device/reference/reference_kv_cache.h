// Keys and values as [layers, blocks * block_size, kv_heads, head_dim] each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/device.h"
#include "device/host/host_memory.h"

namespace parapet {

class ReferenceKvCache final : public KvCache {
 public:
  static Result<std::unique_ptr<KvCache>> make(const KvCacheSpec& spec);

  const KvCacheSpec& spec() const override { return spec_; }

  float key(int layer, std::int64_t slot, int head, int i) const;
  float value(int layer, std::int64_t slot, int head, int i) const;
  void set_key(int layer, std::int64_t slot, int head, int i, float value);
  void set_value(int layer, std::int64_t slot, int head, int i, float value);
  void copy_block(std::int64_t from, std::int64_t to);

 private:
  ReferenceKvCache(const KvCacheSpec& spec, AlignedBytes keys, AlignedBytes values)
      : spec_(spec), keys_(std::move(keys)), values_(std::move(values)) {}
  std::size_t index(int layer, std::int64_t slot, int head, int i) const;

  KvCacheSpec spec_;
  AlignedBytes keys_;
  AlignedBytes values_;
};

}  // namespace parapet
