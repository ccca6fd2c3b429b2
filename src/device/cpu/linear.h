// x W^T for a few rows or for many, and what is done to the sums while they are in cache.
//
// Few rows: the weights are read once, converted in registers, at the speed of memory. Many rows:
// a panel of weight rows is widened to float once and multiplied with all rows, at the speed of the
// multipliers. Both give the same bits (kDotBlock says why).
#pragma once

#include <cstdint>
#include <functional>

#include "device/cpu/isa/kernel_table.h"
#include "device/cpu/thread_pool.h"
#include "device/host/host_linear.h"
#include "device/host/host_memory.h"
#include "device/ops.h"

namespace parapet::cpu {

// The sums of rows [row, row + rows) and columns [col, col + cols), ready to be used.
struct LinearTile {
  std::int64_t row;
  std::int64_t rows;
  std::int64_t col;
  std::int64_t cols;
  float* sums;  // [rows, stride]; with several bands, those of band b begin at b * cols
  std::int64_t stride;
};

struct LinearJob {
  TensorView x;  // f32 [rows, in]
  Norm norm;
  const HostLinear& weight;
  // The weight's rows are cut into this many bands; a tile has the same columns of each.
  int bands = 1;
  // Runs on any thread; must not throw.
  std::function<void(const LinearTile&)> finish;
};

void run_linear(const KernelTable& kernels, ThreadPool& pool, Workspace& workspace,
                const LinearJob& job);

}  // namespace parapet::cpu
