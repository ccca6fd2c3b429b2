// The formulas between linear ops, in float, with the roundings that are asked for. Everything
// works on one row.
#pragma once

#include <cstdint>

#include "base/half.h"
#include "device/numerics/numerics.h"
#include "device/ops.h"

namespace parapet {

inline float rounded_to_bf16(float value) { return bf16_to_f32(f32_to_bf16(value)); }

inline void round_to_bf16(float* values, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) values[i] = rounded_to_bf16(values[i]);
}

// out = x / sqrt(mean(x^2) + eps), rounded, times the scale, rounded: kNorms; the scale itself is
// rounded by kWeights. The scale is not null. out may be x.
void rms_norm_row(const float* x, std::int64_t features, const Norm& norm, Rounding rounding,
                  float* out);

// Turns the pairs (i, i + head_dim / 2) of a head in place; kRope.
void rotate_head(float* head, int head_dim, const float* cos_sin, Rounding rounding);

// out = silu(gate) * up; kActivation.
void silu_mul_row(const float* gate, const float* up, std::int64_t features, Rounding rounding,
                  float* out);

// Each group as the codes of ops.h stand for it: a * q.
void take_codes(float* x, std::int64_t features, std::int64_t group_size);

}  // namespace parapet
