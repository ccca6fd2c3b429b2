#include "device/cpu/cpu_kv_cache.h"

#include <cstring>
#include <string>

#include "base/half.h"
#include "device/host/host_device.h"

namespace parapet::cpu {
namespace {

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

}  // namespace

CpuKvCache::CpuKvCache(const KvCacheSpec& spec)
    : spec_(spec),
      key_block_(to_size((spec.block_size + kPanelKeys - 1) / kPanelKeys) * kPanelKeys *
                 to_size(spec.head_dim)),
      value_block_(to_size(spec.block_size) * to_size(spec.head_dim)) {}

Result<std::unique_ptr<KvCache>> CpuKvCache::make(const KvCacheSpec& spec) {
  PARAPET_TRY(check_kv_cache_spec(spec));
  std::unique_ptr<CpuKvCache> cache(new CpuKvCache(spec));
  const std::size_t blocks =
      to_size(spec.num_layers) * to_size(spec.num_blocks) * to_size(spec.num_kv_heads);
  const std::size_t key_bytes = blocks * cache->key_block_ * dtype_size(spec.dtype);
  const std::size_t value_bytes = blocks * cache->value_block_ * dtype_size(spec.dtype);
  cache->keys_ = try_allocate_aligned(key_bytes);
  cache->values_ = try_allocate_aligned(value_bytes);
  if (!cache->keys_ || !cache->values_) {
    return Error{
        ErrorCode::kResourceExhausted,
        "cannot allocate " + std::to_string(key_bytes + value_bytes) + " bytes for the KV cache"};
  }
  return std::unique_ptr<KvCache>(std::move(cache));
}

std::size_t CpuKvCache::piece(int layer, std::int64_t slot, int head) const {
  const std::int64_t block = slot / spec_.block_size;
  return to_size((std::int64_t{layer} * spec_.num_blocks + block) * spec_.num_kv_heads + head);
}

std::size_t CpuKvCache::key_index(int layer, std::int64_t slot, int head) const {
  const std::size_t offset = to_size(slot % spec_.block_size);
  const std::size_t panel = offset / kPanelKeys * to_size(spec_.head_dim) * kPanelKeys;
  return piece(layer, slot, head) * key_block_ + panel + offset % kPanelKeys;
}

std::size_t CpuKvCache::value_index(int layer, std::int64_t slot, int head) const {
  const std::size_t offset = to_size(slot % spec_.block_size);
  return piece(layer, slot, head) * value_block_ + offset * to_size(spec_.head_dim);
}

void CpuKvCache::store(int layer, std::int64_t slot, int head, const float* key,
                       const float* value) {
  const std::size_t dim = to_size(spec_.head_dim);
  const std::size_t key_at = key_index(layer, slot, head);
  const std::size_t value_at = value_index(layer, slot, head);
  if (spec_.dtype == DType::kF32) {
    auto* const keys = reinterpret_cast<float*>(keys_.get()) + key_at;
    for (std::size_t d = 0; d < dim; ++d) keys[d * kPanelKeys] = key[d];
    std::memcpy(reinterpret_cast<float*>(values_.get()) + value_at, value, dim * sizeof(float));
  } else {
    auto* const keys = reinterpret_cast<std::uint16_t*>(keys_.get()) + key_at;
    auto* const values = reinterpret_cast<std::uint16_t*>(values_.get()) + value_at;
    for (std::size_t d = 0; d < dim; ++d) keys[d * kPanelKeys] = f32_to_bf16(key[d]);
    for (std::size_t d = 0; d < dim; ++d) values[d] = f32_to_bf16(value[d]);
  }
}

void CpuKvCache::copy_block(std::int64_t from, std::int64_t to) {
  if (from == to) return;
  const std::size_t heads = to_size(spec_.num_kv_heads) * dtype_size(spec_.dtype);
  for (int layer = 0; layer < spec_.num_layers; ++layer) {
    const std::int64_t first = std::int64_t{layer} * spec_.num_blocks;
    const auto copy = [&](std::byte* memory, std::size_t block_bytes) {
      std::memcpy(memory + to_size(first + to) * block_bytes,
                  memory + to_size(first + from) * block_bytes, block_bytes);
    };
    copy(keys_.get(), key_block_ * heads);
    copy(values_.get(), value_block_ * heads);
  }
}

}  // namespace parapet::cpu
