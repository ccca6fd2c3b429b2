#include "device/reference/reference_formulas.h"

#include <cmath>

#include "device/reference/element.h"

namespace parapet {

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

double dot(const std::vector<double>& x, const HostLinear& weight, std::int64_t row) {
  const std::byte* const w = weight.run(row, 1).data;
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * load_element(w, weight.dtype(), i);
  return sum;
}

}  // namespace parapet
