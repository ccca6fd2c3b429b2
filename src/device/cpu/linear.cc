#include "device/cpu/linear.h"

#include "device/cpu/packed_linear.h"
#include "device/cpu/tile_linear.h"
#include "device/host/host_linear.h"
#include "device/host/host_packed_linear.h"

namespace parapet::cpu {

void run_linear(const LinearContext& context, const LinearJob& job) {
  if (job.x.dim(0) == 0 || job.weight.out_features() == 0) return;
  if (const auto* packed = dynamic_cast<const HostPackedLinear*>(&job.weight)) {
    const bool small_groups = packed->group_size() <= kMaxBf16Group;
    return context.kernels.tiles != nullptr && small_groups
               ? run_tile_linear(context, job, *packed)
               : run_packed_linear(context, job, *packed);
  }
  run_tile_linear(context, job, dynamic_cast<const HostLinear&>(job.weight));
}

}  // namespace parapet::cpu
