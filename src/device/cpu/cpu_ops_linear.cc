#include <algorithm>

#include "device/cpu/cpu_ops.h"
#include "device/cpu/linear.h"
#include "device/host/host_device.h"
#include "device/host/host_stream.h"

namespace parapet::cpu {

void CpuOps::do_norm_linear(Stream& stream, TensorView x, const Norm& norm,
                            const LinearWeight& weight, TensorView out) {
  auto& host_stream = own<HostStream>(stream);
  host_stream.enqueue([this, &host_stream, &weight = own_linear(weight), x, norm, out] {
    run_linear({kernels_, pool_, host_stream.workspace()},
               {.x = x, .norm = norm, .weight = weight, .finish = [out](const LinearTile& tile) {
                  for (std::int64_t r = 0; r < tile.rows; ++r) {
                    std::copy_n(tile.sums + r * tile.stride, tile.cols,
                                out.as<float>() + (tile.row + r) * out.dim(1) + tile.col);
                  }
                }});
  });
}

void CpuOps::do_linear_add(Stream& stream, TensorView x, const LinearWeight& weight,
                           TensorView residual) {
  auto& host_stream = own<HostStream>(stream);
  host_stream.enqueue([this, &host_stream, &weight = own_linear(weight), x, residual] {
    const auto add = [residual](const LinearTile& tile) {
      for (std::int64_t r = 0; r < tile.rows; ++r) {
        const float* const sums = tile.sums + r * tile.stride;
        float* const to = residual.as<float>() + (tile.row + r) * residual.dim(1) + tile.col;
        for (std::int64_t c = 0; c < tile.cols; ++c) to[c] += sums[c];
      }
    };
    run_linear({kernels_, pool_, host_stream.workspace()},
               {.x = x, .norm = {}, .weight = weight, .finish = add});
  });
}

void CpuOps::do_norm_gate_up_silu(Stream& stream, TensorView x, const Norm& norm,
                                  const LinearWeight& gate_up, TensorView out) {
  auto& host_stream = own<HostStream>(stream);
  host_stream.enqueue([this, &host_stream, &gate_up = own_linear(gate_up), x, norm, out] {
    // Gate and up are two bands: a tile holds both numbers of each of its features.
    const auto activate = [this, out](const LinearTile& tile) {
      for (std::int64_t r = 0; r < tile.rows; ++r) {
        const float* const gate = tile.sums + r * tile.stride;
        kernels_.silu_mul(gate, gate + tile.band_stride, tile.cols,
                          out.as<float>() + (tile.row + r) * out.dim(1) + tile.col);
      }
    };
    run_linear({kernels_, pool_, host_stream.workspace()},
               {.x = x, .norm = norm, .weight = gate_up, .bands = 2, .finish = activate});
  });
}

}  // namespace parapet::cpu
