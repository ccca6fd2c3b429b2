#include "device/cpu/kv_panels.h"

#include <algorithm>

namespace parapet::cpu {

Panel KvPanels::read(int begin, int count, const PanelScratch& scratch) const {
  const bool whole = cache_.panels_fill_blocks() && begin + count <= slots_.tail_start();
  return whole ? read_whole(begin, count, scratch) : gather(begin, count, scratch);
}

// The cache holds the panel as the kernel wants it: floats in place, other types widened.
Panel KvPanels::read_whole(int begin, int count, const PanelScratch& scratch) const {
  const std::int64_t slot = slots_.slot(begin);
  const std::byte* const keys = cache_.key(layer_, slot, head_);
  const std::byte* const values = cache_.value(layer_, slot, head_);
  if (cache_.spec().dtype == DType::kF32) {
    return {reinterpret_cast<const float*>(keys), reinterpret_cast<const float*>(values)};
  }
  widen_keys(keys, cache_.key_scale(layer_, slot, head_), scratch.keys);
  widen_values(values, cache_.value_scale(layer_, slot, head_), count, scratch.values);
  return {scratch.keys, scratch.values};
}

// Blocks of other sizes, and a tail's slots, are gathered key by key.
Panel KvPanels::gather(int begin, int count, const PanelScratch& scratch) const {
  const DType dtype = cache_.spec().dtype;
  if (dtype == DType::kF32) {
    gather_keys(begin, count, scratch.keys);
  } else if (dtype == DType::kBF16) {
    gather_keys(begin, count, reinterpret_cast<std::uint16_t*>(scratch.gathered));
    widen_keys(scratch.gathered, nullptr, scratch.keys);
  } else {
    float scales[kPanelKeys] = {};
    for (int i = 0; i < count; ++i) {
      scales[i] = *cache_.key_scale(layer_, slots_.slot(begin + i), head_);
    }
    gather_keys(begin, count, reinterpret_cast<std::int8_t*>(scratch.gathered));
    widen_keys(scratch.gathered, scales, scratch.keys);
  }
  for (int i = 0; i < count; ++i) {
    const std::int64_t slot = slots_.slot(begin + i);
    widen_values(cache_.value(layer_, slot, head_), cache_.value_scale(layer_, slot, head_), 1,
                 scratch.values + std::ptrdiff_t{i} * cache_.spec().head_dim);
  }
  return {scratch.keys, scratch.values};
}

// From as many panels of the cache into one.
template <class Element>
void KvPanels::gather_keys(int begin, int count, Element* to) const {
  for (int i = 0; i < count; ++i) {
    const std::byte* const key = cache_.key(layer_, slots_.slot(begin + i), head_);
    const auto* const from = reinterpret_cast<const Element*>(key);
    for (int d = 0; d < cache_.spec().head_dim; ++d) {
      to[std::ptrdiff_t{d} * kPanelKeys + i] = from[std::ptrdiff_t{d} * kPanelKeys];
    }
  }
}

void KvPanels::widen_keys(const std::byte* from, const float* scales, float* to) const {
  const std::int64_t elements = std::int64_t{cache_.spec().head_dim} * kPanelKeys;
  if (cache_.spec().dtype == DType::kI8) {
    kernels_.dequantize(reinterpret_cast<const std::int8_t*>(from), scales, elements, to);
  } else {
    kernels_.widen[static_cast<int>(cache_.spec().dtype)](from, elements, to);
  }
}

void KvPanels::widen_values(const std::byte* from, const float* scales, int count,
                            float* to) const {
  const std::int64_t dim = cache_.spec().head_dim;
  if (cache_.spec().dtype != DType::kI8) {
    kernels_.widen[static_cast<int>(cache_.spec().dtype)](from, dim * count, to);
    return;
  }
  for (int i = 0; i < count; ++i) {
    float scale[kPanelKeys];
    std::fill_n(scale, kPanelKeys, scales[i]);
    kernels_.dequantize(reinterpret_cast<const std::int8_t*>(from) + i * dim, scale, dim,
                        to + i * dim);
  }
}

}  // namespace parapet::cpu
