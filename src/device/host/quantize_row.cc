#include "device/host/quantize_row.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace parapet {
namespace {

constexpr float kLargest = 127.0F;
constexpr float kRound = 0x1.8p23F;  // adding it drops the fraction, to nearest even

}  // namespace

float quantize_row(const float* x, std::int64_t count, std::int8_t* q, std::int64_t stride) {
  float largest = 0.0F;
  bool finite = true;
  for (std::int64_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::abs(x[i]));
    finite = finite && std::isfinite(x[i]);
  }
  const float scale = largest / kLargest;
  if (!finite || scale < std::numeric_limits<float>::min()) {
    for (std::int64_t i = 0; i < count; ++i) q[i * stride] = 0;
    return finite ? 0.0F : std::numeric_limits<float>::quiet_NaN();
  }
  for (std::int64_t i = 0; i < count; ++i) {
    q[i * stride] = static_cast<std::int8_t>((x[i] / scale + kRound) - kRound);
  }
  return scale;
}

}  // namespace parapet
