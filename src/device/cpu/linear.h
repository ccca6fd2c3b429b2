// x W^T for a few rows or for many, and what is done to the sums while they are in cache.
#pragma once

#include <cstdint>
#include <functional>

#include "device/cpu/isa/kernel_table.h"
#include "device/cpu/thread_pool.h"
#include "device/host/host_memory.h"
#include "device/ops.h"

namespace parapet::cpu {

// The sums of rows [row, row + rows) and columns [col, col + cols), ready to be used.
struct LinearTile {
  std::int64_t row;
  std::int64_t rows;
  std::int64_t col;
  std::int64_t cols;
  float* sums;               // [rows, stride]
  std::int64_t stride;       // between rows
  std::int64_t band_stride;  // with several bands, those of band b begin at b * band_stride
};

struct LinearJob {
  TensorView x;  // f32 [rows, in]
  Norm norm;
  const LinearWeight& weight;
  // The weight's rows are cut into this many bands; a tile has the same columns of each.
  int bands = 1;
  // Runs on any thread; must not throw.
  std::function<void(const LinearTile&)> finish;
};

// What the job needs of the machine.
struct LinearContext {
  const KernelTable& kernels;
  ThreadPool& pool;
  Workspace& workspace;
};

void run_linear(const LinearContext& context, const LinearJob& job);

// How work is cut.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }

}  // namespace parapet::cpu
