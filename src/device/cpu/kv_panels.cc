#include "device/cpu/kv_panels.h"

#include <algorithm>

namespace parapet::cpu {

KvType kv_type(const CpuKvCache& cache) {
  switch (cache.spec().dtype) {
    case DType::kI8: return KvType::kI8;
    case DType::kBF16: return KvType::kBf16;
    default: return KvType::kF32;
  }
}

KvPanel KvPanels::read(int begin, int count, const PanelScratch& scratch) const {
  const bool whole = cache_.panels_fill_blocks() && begin + count <= slots_.tail_start();
  if (!whole) return gather(begin, count, scratch);
  const std::int64_t slot = slots_.slot(begin);
  return {.keys = cache_.key(layer_, slot, head_),
          .values = cache_.value(layer_, slot, head_),
          .key_scales = cache_.key_scale(layer_, slot, head_),
          .value_scales = cache_.value_scale(layer_, slot, head_)};
}

// Blocks of other sizes, and a tail's slots, are gathered key by key.
KvPanel KvPanels::gather(int begin, int count, const PanelScratch& scratch) const {
  switch (kv_type(cache_)) {
    case KvType::kF32: gather_elements(begin, count, scratch.keys, scratch.values); break;
    case KvType::kBf16:
      gather_elements(begin, count, reinterpret_cast<std::uint16_t*>(scratch.keys),
                      reinterpret_cast<std::uint16_t*>(scratch.values));
      break;
    case KvType::kI8:
      gather_elements(begin, count, reinterpret_cast<std::int8_t*>(scratch.keys),
                      reinterpret_cast<std::int8_t*>(scratch.values));
      for (int i = 0; i < count; ++i) {
        const std::int64_t slot = slots_.slot(begin + i);
        scratch.key_scales[i] = *cache_.key_scale(layer_, slot, head_);
        scratch.value_scales[i] = *cache_.value_scale(layer_, slot, head_);
      }
      break;
  }
  return {scratch.keys, scratch.values, scratch.key_scales, scratch.value_scales};
}

// From as many panels of the cache into one.
template <class Element>
void KvPanels::gather_elements(int begin, int count, Element* keys, Element* values) const {
  const int dim = cache_.spec().head_dim;
  for (int i = 0; i < count; ++i) {
    const std::int64_t slot = slots_.slot(begin + i);
    const auto* const key = reinterpret_cast<const Element*>(cache_.key(layer_, slot, head_));
    for (std::ptrdiff_t d = 0; d < dim; ++d) keys[d * kPanelKeys + i] = key[d * kPanelKeys];
    const auto* const value = reinterpret_cast<const Element*>(cache_.value(layer_, slot, head_));
    std::copy_n(value, dim, values + std::ptrdiff_t{i} * dim);
  }
}

KvPanel widen_panel(const KernelTable& kernels, const CpuKvCache& cache, const KvPanel& panel,
                    int count, const PanelScratch& scratch) {
  const std::int64_t dim = cache.spec().head_dim;
  if (cache.spec().dtype != DType::kI8) {
    const auto widen = kernels.widen[static_cast<int>(cache.spec().dtype)];
    widen(static_cast<const std::byte*>(panel.keys), dim * kPanelKeys, scratch.keys);
    widen(static_cast<const std::byte*>(panel.values), dim * count, scratch.values);
  } else {
    kernels.dequantize(static_cast<const std::int8_t*>(panel.keys), panel.key_scales,
                       dim * kPanelKeys, scratch.keys);
    for (int i = 0; i < count; ++i) {
      float scale[kPanelKeys];
      std::fill_n(scale, kPanelKeys, panel.value_scales[i]);
      kernels.dequantize(static_cast<const std::int8_t*>(panel.values) + i * dim, scale, dim,
                         scratch.values + i * dim);
    }
  }
  return {scratch.keys, scratch.values, nullptr, nullptr};
}

}  // namespace parapet::cpu
