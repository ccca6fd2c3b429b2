// Keys and values as [layers, blocks * block_size, kv_heads, head_dim] each, and for int8 their
// scales as [layers, blocks * block_size, kv_heads].
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "device/host/host_kv_cache.h"
#include "device/host/host_memory.h"

namespace parapet {

class ReferenceKvCache final : public HostKvCache {
 public:
  static Result<std::unique_ptr<KvCache>> make(const KvCacheSpec& spec);

  const KvCacheSpec& spec() const override { return spec_; }

  void read_key(int layer, std::int64_t slot, int head, float* key) const override;
  void read_value(int layer, std::int64_t slot, int head, float* value) const override;

  float key(int layer, std::int64_t slot, int head, int i) const;
  float value(int layer, std::int64_t slot, int head, int i) const;
  // Writes one token's key and value of one head, rounded to the cache's type.
  void store(int layer, std::int64_t slot, int head, const float* key, const float* value);
  void copy_block(std::int64_t from, std::int64_t to);

 private:
  struct Rows {
    AlignedBytes elements;
    AlignedBytes scales;  // one f32 a row; empty unless the type is int8
  };

  ReferenceKvCache(const KvCacheSpec& spec, Rows keys, Rows values)
      : spec_(spec), keys_(std::move(keys)), values_(std::move(values)) {}
  std::size_t row(int layer, std::int64_t slot, int head) const;
  float load(const Rows& rows, std::size_t row, int i) const;
  void store(const Rows& rows, std::size_t row, const float* values) const;

  KvCacheSpec spec_;
  Rows keys_;
  Rows values_;
};

}  // namespace parapet
