#include "device/cpu/kv_panels.h"

namespace parapet::cpu {
namespace {

// Keys of `count` slots, from as many panels of the cache into one.
template <class Element>
void gather_keys(const CpuKvCache& cache, int layer, int head, const ContextSlots& slots, int begin,
                 int count, Element* to) {
  const auto* const keys = reinterpret_cast<const Element*>(cache.keys());
  for (int i = 0; i < count; ++i) {
    const Element* const key = keys + cache.key_index(layer, slots.slot(begin + i), head);
    for (int d = 0; d < cache.spec().head_dim; ++d) {
      to[std::ptrdiff_t{d} * kPanelKeys + i] = key[std::ptrdiff_t{d} * kPanelKeys];
    }
  }
}

}  // namespace

Panel KvPanels::read(int begin, int count, const PanelScratch& scratch) const {
  const bool whole = cache_.panels_fill_blocks() && begin + count <= slots_.tail_start();
  return whole ? read_whole(begin, count, scratch) : gather(begin, count, scratch);
}

// The cache holds the panel as the kernel wants it: floats in place, other types widened.
Panel KvPanels::read_whole(int begin, int count, const PanelScratch& scratch) const {
  const DType dtype = cache_.spec().dtype;
  const std::int64_t dim = cache_.spec().head_dim;
  const std::int64_t slot = slots_.slot(begin);
  const std::byte* const keys =
      cache_.keys() + cache_.key_index(layer_, slot, head_) * dtype_size(dtype);
  const std::byte* const values =
      cache_.values() + cache_.value_index(layer_, slot, head_) * dtype_size(dtype);
  if (dtype == DType::kF32) {
    return {reinterpret_cast<const float*>(keys), reinterpret_cast<const float*>(values)};
  }
  const auto widen = kernels_.widen[static_cast<int>(dtype)];
  widen(keys, dim * kPanelKeys, scratch.keys);
  widen(values, dim * count, scratch.values);
  return {scratch.keys, scratch.values};
}

// Blocks of other sizes, and a tail's slots, are gathered key by key.
Panel KvPanels::gather(int begin, int count, const PanelScratch& scratch) const {
  const DType dtype = cache_.spec().dtype;
  const std::int64_t dim = cache_.spec().head_dim;
  const auto widen = kernels_.widen[static_cast<int>(dtype)];
  if (dtype == DType::kF32) {
    gather_keys(cache_, layer_, head_, slots_, begin, count, scratch.keys);
  } else {
    gather_keys(cache_, layer_, head_, slots_, begin, count,
                reinterpret_cast<std::uint16_t*>(scratch.gathered));
    widen(scratch.gathered, dim * kPanelKeys, scratch.keys);
  }
  for (int i = 0; i < count; ++i) {
    const std::size_t value = cache_.value_index(layer_, slots_.slot(begin + i), head_);
    widen(cache_.values() + value * dtype_size(dtype), dim, scratch.values + i * dim);
  }
  return {scratch.keys, scratch.values};
}

}  // namespace parapet::cpu
