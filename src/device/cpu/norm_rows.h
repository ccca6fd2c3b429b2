// Rows normalised and laid out for the multiplication.
#pragma once

#include <algorithm>
#include <cstdint>

#include "device/cpu/isa/kernel_table.h"
#include "device/ops.h"

namespace parapet::cpu {

struct NormRows {
  const KernelTable& kernels;
  TensorView x;  // f32 [rows, features]
  Norm norm;     // without a scale, rows are copied as they are
  float* scale;  // [features], scratch
  float* out;    // [features / block][rows][block]: each block of all rows is dense
  std::int64_t block;

  // Once, before run().
  void prepare() const {
    if (norm.scale.null()) return;
    kernels.widen[static_cast<int>(norm.scale.dtype())](norm.scale.as<const std::byte>(), x.dim(1),
                                                        scale);
  }

  // Rows [begin, end).
  void run(std::int64_t begin, std::int64_t end) const {
    const std::int64_t features = x.dim(1);
    for (std::int64_t row = begin; row < end; ++row) {
      const float* const from = x.as<const float>() + row * features;
      const float factor = norm.scale.null() ? 1.0F : kernels.inverse_rms(from, features, norm.eps);
      for (std::int64_t k = 0; k < features; k += block) {
        const std::int64_t extent = block < features - k ? block : features - k;
        float* const to = out + k * x.dim(0) + row * extent;
        if (norm.scale.null()) {
          std::copy_n(from + k, extent, to);
        } else {
          kernels.scale(from + k, factor, scale + k, extent, to);
        }
      }
    }
  }
};

}  // namespace parapet::cpu
