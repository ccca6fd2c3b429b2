// Linear ops on tiles of weights: bfloat16 and quantized ones on matrix tiles (AMX), dense ones of
// any type on vectors of features.
//
// A block of a few features' weights is brought into the tiles' layout in the second-level cache,
// then multiplied with all rows while the next one comes from memory. Sums are fp32 in an order
// that depends on nothing but k, so that a row has the same bits in every batch.
#pragma once

#include "device/cpu/linear.h"
#include "device/host/host_linear.h"
#include "device/host/host_packed_linear.h"

namespace parapet::cpu {

// On matrix tiles where there are any and the weights are bfloat16, else on vectors.
void run_tile_linear(const LinearContext& context, const LinearJob& job, const HostLinear& weight);
// Groups of at most kMaxBf16Group only.
void run_tile_linear(const LinearContext& context, const LinearJob& job,
                     const HostPackedLinear& weight);

}  // namespace parapet::cpu
