// Linear weights of float types, where the checkpoint has them.
//
// Few rows: the weights are read once, converted in registers, at the speed of memory. Many rows:
// a panel of weight rows is widened to float once and multiplied with all rows, at the speed of the
// multipliers. Both give the same bits (kDotBlock says why).
#pragma once

#include "device/cpu/linear.h"
#include "device/host/host_linear.h"

namespace parapet::cpu {

void run_dense_linear(const LinearContext& context, const LinearJob& job, const HostLinear& weight);

}  // namespace parapet::cpu
