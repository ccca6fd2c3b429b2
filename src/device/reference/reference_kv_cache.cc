#include "device/reference/reference_kv_cache.h"

#include <cstring>
#include <string>
#include <utility>

#include "device/host/host_device.h"
#include "device/reference/element.h"

namespace parapet {

Result<std::unique_ptr<KvCache>> ReferenceKvCache::make(const KvCacheSpec& spec) {
  PARAPET_TRY(check_kv_cache_spec(spec));
  const std::size_t slots =
      static_cast<std::size_t>(spec.num_blocks) * static_cast<std::size_t>(spec.block_size);
  const std::size_t bytes = slots * spec.bytes_per_token() / 2;  // keys are one half, values one
  AlignedBytes keys = try_allocate_aligned(bytes);
  AlignedBytes values = try_allocate_aligned(bytes);
  if (!keys || !values) {
    return Error{ErrorCode::kResourceExhausted,
                 "cannot allocate " + std::to_string(2 * bytes) + " bytes for the KV cache"};
  }
  return std::unique_ptr<KvCache>(new ReferenceKvCache(spec, std::move(keys), std::move(values)));
}

std::size_t ReferenceKvCache::index(int layer, std::int64_t slot, int head, int i) const {
  const std::int64_t slots = std::int64_t{spec_.num_blocks} * spec_.block_size;
  const std::int64_t row = (layer * slots + slot) * spec_.num_kv_heads + head;
  return static_cast<std::size_t>(row * spec_.head_dim + i);
}

float ReferenceKvCache::key(int layer, std::int64_t slot, int head, int i) const {
  return load_element(keys_.get(), spec_.dtype, index(layer, slot, head, i));
}

float ReferenceKvCache::value(int layer, std::int64_t slot, int head, int i) const {
  return load_element(values_.get(), spec_.dtype, index(layer, slot, head, i));
}

void ReferenceKvCache::set_key(int layer, std::int64_t slot, int head, int i, float value) {
  store_element(keys_.get(), spec_.dtype, index(layer, slot, head, i), value);
}

void ReferenceKvCache::set_value(int layer, std::int64_t slot, int head, int i, float value) {
  store_element(values_.get(), spec_.dtype, index(layer, slot, head, i), value);
}

void ReferenceKvCache::copy_block(std::int64_t from, std::int64_t to) {
  if (from == to) return;
  const std::size_t element = dtype_size(spec_.dtype);
  const std::int64_t size = spec_.block_size;
  const std::size_t bytes = index(0, size, 0, 0) * element;
  for (int layer = 0; layer < spec_.num_layers; ++layer) {
    const std::size_t source = index(layer, from * size, 0, 0) * element;
    const std::size_t target = index(layer, to * size, 0, 0) * element;
    std::memcpy(keys_.get() + target, keys_.get() + source, bytes);
    std::memcpy(values_.get() + target, values_.get() + source, bytes);
  }
}

}  // namespace parapet
