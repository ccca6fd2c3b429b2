// Quantized linear weights: activations are quantized row by row, then multiplied as integers.
//
// Few rows: a thread reads panel after panel, at the speed of memory. Many rows: a block of a few
// panels stays in the first-level cache while the block's activations of all rows pass by. Both add
// the groups of a row in order, so both give the same bits.
#pragma once

#include "device/cpu/linear.h"
#include "device/host/host_packed_linear.h"

namespace parapet::cpu {

void run_packed_linear(const LinearContext& context, const LinearJob& job,
                       const HostPackedLinear& weight);

}  // namespace parapet::cpu
