#include "device/cpu/cpu_kv_cache.h"

#include <cstring>
#include <string>

#include "base/half.h"
#include "device/host/host_device.h"
#include "device/host/quantize_row.h"

namespace parapet::cpu {
namespace {

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

// `count` elements, `stride` apart; those of an int8 cache times their scale.
void read_row(const std::byte* from, DType dtype, std::size_t count, std::size_t stride,
              const float* scale, float* to) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* const element = from + i * stride * dtype_size(dtype);
    if (dtype == DType::kF32) {
      std::memcpy(&to[i], element, sizeof(float));
    } else if (dtype == DType::kBF16) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, element, sizeof bits);
      to[i] = bf16_to_f32(bits);
    } else {
      to[i] = *scale * static_cast<float>(static_cast<std::int8_t>(*element));
    }
  }
}

}  // namespace

CpuKvCache::CpuKvCache(const KvCacheSpec& spec) : spec_(spec) {
  const std::size_t padded = to_size((spec.block_size + kPanelKeys - 1) / kPanelKeys) * kPanelKeys;
  const std::size_t row_bytes = to_size(spec.head_dim) * dtype_size(spec.dtype);
  keys_.piece_bytes = padded * row_bytes;
  values_.piece_bytes = to_size(spec.block_size) * row_bytes;
  const bool scaled = spec.dtype == DType::kI8;
  key_scales_.piece_bytes = value_scales_.piece_bytes = scaled ? padded * sizeof(float) : 0;
}

Result<std::unique_ptr<KvCache>> CpuKvCache::make(const KvCacheSpec& spec) {
  PARAPET_TRY(check_kv_cache_spec(spec));
  std::unique_ptr<CpuKvCache> cache(new CpuKvCache(spec));
  const std::size_t pieces =
      to_size(spec.num_layers) * to_size(spec.num_blocks) * to_size(spec.num_kv_heads);
  std::size_t total = 0;
  bool allocated = true;
  for (Array* const array : cache->arrays()) {
    total += pieces * array->piece_bytes;
    array->memory = try_allocate_aligned(pieces * array->piece_bytes);
    allocated = allocated && array->memory;
  }
  if (!allocated) {
    return Error{ErrorCode::kResourceExhausted,
                 "cannot allocate " + std::to_string(total) + " bytes for the KV cache"};
  }
  return std::unique_ptr<KvCache>(std::move(cache));
}

std::byte* CpuKvCache::piece(const Array& array, int layer, std::int64_t slot, int head) const {
  const std::int64_t block = slot / spec_.block_size;
  const std::int64_t index =
      (std::int64_t{layer} * spec_.num_blocks + block) * spec_.num_kv_heads + head;
  return array.memory.get() + to_size(index) * array.piece_bytes;
}

std::size_t CpuKvCache::key_offset(std::int64_t slot) const {
  const std::size_t offset = to_size(slot % spec_.block_size);
  const std::size_t panel = offset / kPanelKeys * to_size(spec_.head_dim) * kPanelKeys;
  return (panel + offset % kPanelKeys) * dtype_size(spec_.dtype);
}

std::size_t CpuKvCache::value_offset(std::int64_t slot) const {
  return to_size(slot % spec_.block_size) * to_size(spec_.head_dim) * dtype_size(spec_.dtype);
}

float* CpuKvCache::scale(const Array& scales, int layer, std::int64_t slot, int head) const {
  if (spec_.dtype != DType::kI8) return nullptr;
  return reinterpret_cast<float*>(piece(scales, layer, slot, head)) + slot % spec_.block_size;
}

const std::byte* CpuKvCache::key(int layer, std::int64_t slot, int head) const {
  return piece(keys_, layer, slot, head) + key_offset(slot);
}

const std::byte* CpuKvCache::value(int layer, std::int64_t slot, int head) const {
  return piece(values_, layer, slot, head) + value_offset(slot);
}

const float* CpuKvCache::key_scale(int layer, std::int64_t slot, int head) const {
  return scale(key_scales_, layer, slot, head);
}

const float* CpuKvCache::value_scale(int layer, std::int64_t slot, int head) const {
  return scale(value_scales_, layer, slot, head);
}

void CpuKvCache::read_key(int layer, std::int64_t slot, int head, float* to) const {
  read_row(key(layer, slot, head), spec_.dtype, to_size(spec_.head_dim), kPanelKeys,
           key_scale(layer, slot, head), to);
}

void CpuKvCache::read_value(int layer, std::int64_t slot, int head, float* to) const {
  read_row(value(layer, slot, head), spec_.dtype, to_size(spec_.head_dim), 1,
           value_scale(layer, slot, head), to);
}

void CpuKvCache::store(int layer, std::int64_t slot, int head, const float* key,
                       const float* value) {
  const std::size_t dim = to_size(spec_.head_dim);
  std::byte* const key_to = piece(keys_, layer, slot, head) + key_offset(slot);
  std::byte* const value_to = piece(values_, layer, slot, head) + value_offset(slot);
  if (spec_.dtype == DType::kF32) {
    auto* const keys = reinterpret_cast<float*>(key_to);
    for (std::size_t d = 0; d < dim; ++d) keys[d * kPanelKeys] = key[d];
    std::memcpy(value_to, value, dim * sizeof(float));
  } else if (spec_.dtype == DType::kBF16) {
    auto* const keys = reinterpret_cast<std::uint16_t*>(key_to);
    auto* const values = reinterpret_cast<std::uint16_t*>(value_to);
    for (std::size_t d = 0; d < dim; ++d) keys[d * kPanelKeys] = f32_to_bf16(key[d]);
    for (std::size_t d = 0; d < dim; ++d) values[d] = f32_to_bf16(value[d]);
  } else {
    *scale(key_scales_, layer, slot, head) =
        quantize_row(key, spec_.head_dim, reinterpret_cast<std::int8_t*>(key_to), kPanelKeys);
    *scale(value_scales_, layer, slot, head) =
        quantize_row(value, spec_.head_dim, reinterpret_cast<std::int8_t*>(value_to), 1);
  }
}

void CpuKvCache::copy_block(std::int64_t from, std::int64_t to) {
  if (from == to) return;
  const std::int64_t size = spec_.block_size;
  for (int layer = 0; layer < spec_.num_layers; ++layer) {
    for (const Array* const array : arrays()) {
      std::memcpy(piece(*array, layer, to * size, 0), piece(*array, layer, from * size, 0),
                  array->piece_bytes * to_size(spec_.num_kv_heads));
    }
  }
}

}  // namespace parapet::cpu
