// A context's keys and values as the attention kernels read them: panels of kPanelKeys positions,
// counted from position 0. What a panel holds does not depend on where the cache has it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/cpu/cpu_kv_cache.h"
#include "device/cpu/isa/kernel_table.h"
#include "device/host/context_slots.h"
#include "device/ops.h"

namespace parapet::cpu {

// Memory for a panel that the cache does not hold in one piece, or not as floats.
struct PanelScratch {
  float* keys;          // [head_dim, kPanelKeys]
  float* values;        // [kPanelKeys, head_dim]
  float* key_scales;    // [kPanelKeys]
  float* value_scales;  // [kPanelKeys]
};

KvType kv_type(const CpuKvCache& cache);

class KvPanels {
 public:
  // The keys and values that one KV head of one layer has for a sequence.
  KvPanels(const CpuKvCache& cache, int layer, int head, const ContextSlots& slots)
      : cache_(cache), layer_(layer), head_(head), slots_(slots) {}

  // Positions [begin, begin + count), where `begin` is a multiple of kPanelKeys, in the cache's
  // type. Keys and values beyond them are undefined.
  KvPanel read(int begin, int count, const PanelScratch& scratch) const;
  // Where the key and the value of a position begin.
  const std::byte* keys(int position) const {
    return cache_.key(layer_, slots_.slot(position), head_);
  }
  const std::byte* values(int position) const {
    return cache_.value(layer_, slots_.slot(position), head_);
  }

 private:
  KvPanel gather(int begin, int count, const PanelScratch& scratch) const;
  template <class Element>
  void gather_elements(int begin, int count, Element* keys, Element* values) const;

  const CpuKvCache& cache_;
  const int layer_;
  const int head_;
  const ContextSlots slots_;
};

// The first `count` keys and values of a panel as floats.
KvPanel widen_panel(const KernelTable& kernels, const CpuKvCache& cache, const KvPanel& panel,
                    int count, const PanelScratch& scratch);

}  // namespace parapet::cpu
