#include "device/reference/reference_formulas.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "device/host/element.h"
#include "device/host/host_device.h"
#include "device/host/host_linear.h"
#include "device/host/host_packed_linear.h"

namespace parapet {
namespace {

// The steps are those of ops.h, in float: the codes are part of the op, not of its rounding.
void quantize_group(std::span<double> group) {
  float largest = 0.0F;
  for (const double value : group) {
    const auto y = static_cast<float>(value);
    if (!std::isfinite(y)) largest = std::numeric_limits<float>::quiet_NaN();
    if (std::abs(y) > largest) largest = std::abs(y);
  }
  const double scale = largest / 127.0F;
  const float factor = largest >= 0x1p-100F ? 127.0F / largest : 0.0F;
  for (double& value : group) {
    value = scale * double{std::nearbyint(static_cast<float>(value) * factor)};
  }
}

}  // namespace

std::vector<double> rms_norm(const float* x, std::int64_t features, const Norm& norm) {
  std::vector<double> result(x, x + features);
  if (norm.scale.null()) return result;
  double sum_of_squares = 0.0;
  for (const double value : result) sum_of_squares += value * value;
  const double rms = std::sqrt(sum_of_squares / static_cast<double>(features) + norm.eps);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double scale = load_element(norm.scale.data(), norm.scale.dtype(), i);
    result[i] = result[i] / rms * scale;
  }
  return result;
}

std::vector<double> linear_input(const float* x, const Norm& norm, const LinearWeight& weight) {
  std::vector<double> y = rms_norm(x, weight.in_features(), norm);
  if (const auto* packed = dynamic_cast<const HostPackedLinear*>(&weight)) {
    const auto group_size = static_cast<std::size_t>(packed->group_size());
    const std::span<const float> factors = packed->input_factors();
    for (std::size_t i = 0; i < factors.size(); ++i) y[i] *= double{factors[i]};
    for (std::size_t begin = 0; begin < y.size(); begin += group_size) {
      quantize_group(std::span(y).subspan(begin, std::min(group_size, y.size() - begin)));
    }
    for (std::size_t i = 0; i < factors.size(); ++i) y[i] /= double{factors[i]};
  }
  return y;
}

std::vector<float> weight_row(const LinearWeight& weight, std::int64_t row) {
  std::vector<float> result(static_cast<std::size_t>(weight.in_features()));
  if (const auto* packed = dynamic_cast<const HostPackedLinear*>(&weight)) {
    packed->dequantize_row(row, result.data());
    return result;
  }
  const auto& dense = own<const HostLinear>(weight);
  const std::byte* const w = dense.run(row, 1).data;
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = load_element(w, dense.dtype(), i);
  return result;
}

double dot(const std::vector<double>& x, const LinearWeight& weight, std::int64_t row) {
  const std::vector<float> w = weight_row(weight, row);
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * double{w[i]};
  return sum;
}

}  // namespace parapet
