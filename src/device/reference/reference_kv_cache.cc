#include "device/reference/reference_kv_cache.h"

#include <cstring>
#include <string>

#include "device/host/element.h"
#include "device/host/host_device.h"
#include "device/host/quantize_row.h"

namespace parapet {

Result<std::unique_ptr<KvCache>> ReferenceKvCache::make(const KvCacheSpec& spec) {
  PARAPET_TRY(check_kv_cache_spec(spec));
  const std::size_t rows =
      static_cast<std::size_t>(spec.num_layers) * static_cast<std::size_t>(spec.num_blocks) *
      static_cast<std::size_t>(spec.block_size) * static_cast<std::size_t>(spec.num_kv_heads);
  const std::size_t elements = static_cast<std::size_t>(spec.head_dim) * dtype_size(spec.dtype);
  const std::size_t scale = spec.dtype == DType::kI8 ? sizeof(float) : 0;
  const auto allocate = [&] {
    return Rows{try_allocate_aligned(rows * elements), try_allocate_aligned(rows * scale)};
  };
  Rows keys = allocate();
  Rows values = allocate();
  if (!keys.elements || !keys.scales || !values.elements || !values.scales) {
    return Error{ErrorCode::kResourceExhausted, "cannot allocate " +
                                                    std::to_string(2 * rows * (elements + scale)) +
                                                    " bytes for the KV cache"};
  }
  return std::unique_ptr<KvCache>(new ReferenceKvCache(spec, std::move(keys), std::move(values)));
}

std::size_t ReferenceKvCache::row(int layer, std::int64_t slot, int head) const {
  const std::int64_t slots = std::int64_t{spec_.num_blocks} * spec_.block_size;
  return static_cast<std::size_t>((layer * slots + slot) * spec_.num_kv_heads + head);
}

float ReferenceKvCache::load(const Rows& rows, std::size_t row, int i) const {
  const std::size_t index =
      row * static_cast<std::size_t>(spec_.head_dim) + static_cast<std::size_t>(i);
  if (spec_.dtype != DType::kI8) return load_element(rows.elements.get(), spec_.dtype, index);
  return static_cast<float>(reinterpret_cast<const std::int8_t*>(rows.elements.get())[index]) *
         reinterpret_cast<const float*>(rows.scales.get())[row];
}

void ReferenceKvCache::store(const Rows& rows, std::size_t row, const float* values) const {
  const auto dim = static_cast<std::size_t>(spec_.head_dim);
  if (spec_.dtype == DType::kI8) {
    auto* const q = reinterpret_cast<std::int8_t*>(rows.elements.get()) + row * dim;
    reinterpret_cast<float*>(rows.scales.get())[row] = quantize_row(values, spec_.head_dim, q, 1);
    return;
  }
  for (std::size_t i = 0; i < dim; ++i) {
    store_element(rows.elements.get(), spec_.dtype, row * dim + i, values[i]);
  }
}

float ReferenceKvCache::key(int layer, std::int64_t slot, int head, int i) const {
  return load(keys_, row(layer, slot, head), i);
}

float ReferenceKvCache::value(int layer, std::int64_t slot, int head, int i) const {
  return load(values_, row(layer, slot, head), i);
}

void ReferenceKvCache::read_key(int layer, std::int64_t slot, int head, float* to) const {
  for (int i = 0; i < spec_.head_dim; ++i) to[i] = key(layer, slot, head, i);
}

void ReferenceKvCache::read_value(int layer, std::int64_t slot, int head, float* to) const {
  for (int i = 0; i < spec_.head_dim; ++i) to[i] = value(layer, slot, head, i);
}

void ReferenceKvCache::store(int layer, std::int64_t slot, int head, const float* key,
                             const float* value) {
  store(keys_, row(layer, slot, head), key);
  store(values_, row(layer, slot, head), value);
}

void ReferenceKvCache::copy_block(std::int64_t from, std::int64_t to) {
  if (from == to) return;
  const std::size_t rows = row(0, spec_.block_size, 0);  // of a block in one layer
  const auto copy = [&](const AlignedBytes& bytes, int layer, std::size_t row_bytes) {
    std::memcpy(bytes.get() + row(layer, to * spec_.block_size, 0) * row_bytes,
                bytes.get() + row(layer, from * spec_.block_size, 0) * row_bytes, rows * row_bytes);
  };
  const std::size_t elements = static_cast<std::size_t>(spec_.head_dim) * dtype_size(spec_.dtype);
  const std::size_t scale = spec_.dtype == DType::kI8 ? sizeof(float) : 0;
  for (int layer = 0; layer < spec_.num_layers; ++layer) {
    for (const Rows* const half : {&keys_, &values_}) {
      copy(half->elements, layer, elements);
      copy(half->scales, layer, scale);
    }
  }
}

}  // namespace parapet
