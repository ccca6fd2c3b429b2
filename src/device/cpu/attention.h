// Paged attention: which thread computes what, and where its keys and values come from.
#pragma once

#include "device/cpu/cpu_kv_cache.h"
#include "device/cpu/isa/kernel_table.h"
#include "device/cpu/thread_pool.h"
#include "device/host/host_memory.h"
#include "device/ops.h"

namespace parapet::cpu {

struct AttentionJob {
  TensorView q;    // f32 [tokens, heads * head_dim]
  TensorView out;  // likewise
  HeadShape shape;
  const CpuKvCache& cache;
  int layer;
  const BatchView& batch;
  float scale;
};

// The batch has been checked.
void run_attention(const KernelTable& kernels, ThreadPool& pool, Workspace& workspace,
                   const AttentionJob& job);

}  // namespace parapet::cpu
