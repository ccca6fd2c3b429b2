#include "device/numerics/rounded_formulas.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "device/host/element.h"

namespace parapet {
namespace {

float load_scale(const TensorView& scale, std::int64_t i, bool round) {
  const float value =
      load_element(scale.as<const std::byte>(), scale.dtype(), static_cast<std::size_t>(i));
  return round ? rounded_to_bf16(value) : value;
}

}  // namespace

void rms_norm_row(const float* x, std::int64_t features, const Norm& norm, Rounding rounding,
                  float* out) {
  double sum_of_squares = 0.0;
  for (std::int64_t i = 0; i < features; ++i) sum_of_squares += double{x[i]} * x[i];
  const auto inverse = static_cast<float>(
      1.0 / std::sqrt(sum_of_squares / static_cast<double>(features) + double{norm.eps}));
  const bool round = rounding.has(Rounded::kNorms);
  const bool round_scale = rounding.has(Rounded::kWeights);
  for (std::int64_t i = 0; i < features; ++i) {
    const float scale = load_scale(norm.scale, i, round_scale);
    const float normed = x[i] * inverse;
    out[i] = round ? rounded_to_bf16(rounded_to_bf16(normed) * scale) : normed * scale;
  }
}

void rotate_head(float* head, int head_dim, const float* cos_sin, Rounding rounding) {
  const bool round = rounding.has(Rounded::kRope);
  const int half = head_dim / 2;
  for (int i = 0; i < half; ++i) {
    const float cos = round ? rounded_to_bf16(cos_sin[i]) : cos_sin[i];
    const float sin = round ? rounded_to_bf16(cos_sin[half + i]) : cos_sin[half + i];
    const float first = head[i] * cos - head[half + i] * sin;
    const float second = head[half + i] * cos + head[i] * sin;
    head[i] = round ? rounded_to_bf16(first) : first;
    head[half + i] = round ? rounded_to_bf16(second) : second;
  }
}

void silu_mul_row(const float* gate, const float* up, std::int64_t features, Rounding rounding,
                  float* out) {
  const bool round = rounding.has(Rounded::kActivation);
  for (std::int64_t i = 0; i < features; ++i) {
    const float silu = gate[i] / (1.0F + std::exp(-gate[i]));
    out[i] = round ? rounded_to_bf16(rounded_to_bf16(silu) * up[i]) : silu * up[i];
  }
}

void take_codes(float* x, std::int64_t features, std::int64_t group_size) {
  PARAPET_CHECK(group_size > 0);
  for (std::int64_t begin = 0; begin < features; begin += group_size) {
    float* const group = x + begin;
    const std::int64_t count = std::min(group_size, features - begin);
    float largest = 0.0F;
    bool finite = true;
    for (std::int64_t i = 0; i < count; ++i) {
      largest = std::max(largest, std::abs(group[i]));
      finite = finite && std::isfinite(group[i]);
    }
    const float scale = finite ? largest / 127.0F : std::numeric_limits<float>::quiet_NaN();
    const float factor = largest >= 0x1p-100F ? 127.0F / largest : 0.0F;
    for (std::int64_t i = 0; i < count; ++i) group[i] = scale * std::nearbyint(group[i] * factor);
  }
}

}  // namespace parapet
