// The formulas that several ops share, in double.
#pragma once

#include <cstdint>
#include <vector>

#include "device/host/host_linear.h"
#include "device/ops.h"

namespace parapet {

// x / sqrt(mean(x^2) + eps) * scale, or x itself where the scale is null.
std::vector<double> rms_norm(const float* x, std::int64_t features, const Norm& norm);

// The dot product of x with row `row` of the weight.
double dot(const std::vector<double>& x, const HostLinear& weight, std::int64_t row);

}  // namespace parapet
