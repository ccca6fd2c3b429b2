// A context's keys and values as the attention kernels read them: panels of kPanelKeys positions,
// counted from position 0, in floats. What a panel holds does not depend on where the cache has it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/cpu/cpu_kv_cache.h"
#include "device/cpu/isa/kernel_table.h"
#include "device/host/context_slots.h"
#include "device/ops.h"

namespace parapet::cpu {

// Memory for a panel that the cache does not hold as floats, in the right order.
struct PanelScratch {
  float* keys;          // [head_dim, kPanelKeys]
  float* values;        // [kPanelKeys, head_dim]
  std::byte* gathered;  // [head_dim, kPanelKeys] elements of at most two bytes
};

struct Panel {
  const float* keys;    // [head_dim, kPanelKeys]
  const float* values;  // [kPanelKeys, head_dim]
};

class KvPanels {
 public:
  // The keys and values that one KV head of one layer has for a sequence.
  KvPanels(const KernelTable& kernels, const CpuKvCache& cache, int layer, int head,
           const ContextSlots& slots)
      : kernels_(kernels), cache_(cache), layer_(layer), head_(head), slots_(slots) {}

  // Positions [begin, begin + count), where `begin` is a multiple of kPanelKeys. Keys and values
  // beyond them are undefined.
  Panel read(int begin, int count, const PanelScratch& scratch) const;

 private:
  Panel read_whole(int begin, int count, const PanelScratch& scratch) const;
  Panel gather(int begin, int count, const PanelScratch& scratch) const;
  template <class Element>
  void gather_keys(int begin, int count, Element* to) const;
  // Of the cache's type, in the order of a panel. Scales are null unless the type is int8.
  void widen_keys(const std::byte* from, const float* scales, float* to) const;
  void widen_values(const std::byte* from, const float* scales, int count, float* to) const;

  const KernelTable& kernels_;
  const CpuKvCache& cache_;
  const int layer_;
  const int head_;
  const ContextSlots slots_;
};

}  // namespace parapet::cpu
