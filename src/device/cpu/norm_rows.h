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

  // Whether rows stay as they are.
  bool plain() const { return norm.scale.null() && input_factors.empty(); }

  const float* input(std::int64_t row) const { return x.as<const float>() + row * x.dim(1); }

  // What elements of a row are multiplied with, beside their scale.
  float factor(std::int64_t row) const {
    return norm.scale.null() ? 1.0F : kernels.inverse_rms(input(row), x.dim(1), norm.eps);
  }

  // Elements [k, k + count) of the row.
  void copy(std::int64_t row, float factor, std::int64_t k, std::int64_t count, float* to) const {
    if (plain()) {
      std::copy_n(input(row) + k, count, to);
    } else {
      kernels.scale(input(row) + k, factor, scale + k, count, to);
    }
  }

  // The whole row, in `scratch` where it is not the input itself.
  const float* row(std::int64_t row, float* scratch) const {
    if (plain()) return input(row);
    copy(row, factor(row), 0, x.dim(1), scratch);
    return scratch;
  }
};

}  // namespace parapet::cpu
