// Rows of a linear op's input, normalised and multiplied with the weight's factors where it says
// so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "device/cpu/isa/kernel_table.h"
#include "device/ops.h"

namespace parapet::cpu {

struct NormRows {
  const KernelTable& kernels;
  TensorView x;                               // f32 [rows, features]
  Norm norm;                                  // without a scale, rows are not normalised
  float* scale;                               // [features], scratch
  std::span<const float> input_factors = {};  // [features], or none

  // Once, before the others.
  void prepare() const {
    const std::int64_t features = x.dim(1);
    if (norm.scale.null()) {
      std::ranges::copy(input_factors, scale);
      return;
    }
    kernels.widen[static_cast<int>(norm.scale.dtype())](norm.scale.as<const std::byte>(), features,
                                                        scale);
    if (!input_factors.empty()) kernels.scale(scale, 1.0F, input_factors.data(), features, scale);
  }

  // In `scratch` where it is not the input itself.
  const float* row(std::int64_t row, float* scratch) const {
    const std::int64_t features = x.dim(1);
    const float* const input = x.as<const float>() + row * features;
    if (norm.scale.null() && input_factors.empty()) return input;
    const float factor = norm.scale.null() ? 1.0F : kernels.inverse_rms(input, features, norm.eps);
    kernels.scale(input, factor, scale, features, scratch);
    return scratch;
  }
};

}  // namespace parapet::cpu
