// The formulas that several ops share, in double.
#pragma once

#include <cstdint>
#include <vector>

#include "device/ops.h"

namespace parapet {

// x / sqrt(mean(x^2) + eps) * scale, or x itself where the scale is null.
std::vector<double> rms_norm(const float* x, std::int64_t features, const Norm& norm);

// What a linear op multiplies with the weight: norm(x); with a packed weight quantized, so the
// products a * q_i of ops.h over its input factors, or NaN in a group that is not finite.
std::vector<double> linear_input(const float* x, const Norm& norm, const LinearWeight& weight);

// Row `row` of the weight. Of a packed one it is exact: 8 bits each of scale, code and factor.
std::vector<float> weight_row(const LinearWeight& weight, std::int64_t row);

// The dot product of x with row `row` of the weight.
double dot(const std::vector<double>& x, const LinearWeight& weight, std::int64_t row);

}  // namespace parapet
