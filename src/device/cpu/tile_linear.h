// Linear ops on matrix tiles (AMX): bfloat16 and quantized weights.
//
// A block of a few features' weights is brought into the tiles' layout in the second-level cache,
// then multiplied with all rows while the next one comes from memory. Sums are fp32 in an order
// that depends on nothing but k, so that a row has the same bits in every batch.
#pragma once

#include "device/cpu/linear.h"
#include "device/host/host_linear.h"
#include "device/host/host_packed_linear.h"

namespace parapet::cpu {

// bfloat16 weights only.
void run_tile_linear(const LinearContext& context, const LinearJob& job, const HostLinear& weight);
// Groups of at most kMaxBf16Group only.
void run_tile_linear(const LinearContext& context, const LinearJob& job,
                     const HostPackedLinear& weight);

}  // namespace parapet::cpu
