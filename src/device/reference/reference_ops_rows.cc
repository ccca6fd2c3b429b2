#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "device/host/host_checks.h"
#include "device/host/host_device.h"
#include "device/host/host_stream.h"
#include "device/reference/reference_formulas.h"
#include "device/reference/reference_ops.h"

namespace parapet {
namespace {

bool is_nan(float value) { return std::isnan(value); }

std::span<const float> row_of(const TensorView& matrix, std::int64_t row) {
  return {matrix.as<const float>() + row * matrix.dim(1), static_cast<std::size_t>(matrix.dim(1))};
}

double log_sum_exp(std::span<const float> logits) {
  const double max = *std::ranges::max_element(logits);
  if (std::isinf(max)) return max;  // all are -inf, or one is +inf: max - max has no value
  double sum = 0.0;
  for (const double logit : logits) sum += std::exp(logit - max);
  return max + std::log(sum);
}

}  // namespace

void ReferenceOps::do_embed(Stream& stream, TensorView token_ids, const LinearWeight& table,
                            TensorView hidden) {
  own<HostStream>(stream).enqueue([=, &table = own_linear(table)] {
    check_indices("token_ids", token_ids, table.out_features());
    for (std::int64_t t = 0; t < token_ids.dim(0); ++t) {
      const std::vector<float> row = weight_row(table, token_ids.as<const std::int32_t>()[t]);
      std::ranges::copy(row, hidden.as<float>() + t * hidden.dim(1));
    }
  });
}

void ReferenceOps::do_rope_angles(Stream& stream, TensorView positions, TensorView inv_freq,
                                  TensorView cos_sin) {
  own<HostStream>(stream).enqueue([=] {
    const std::int64_t half = inv_freq.dim(0);
    for (std::int64_t t = 0; t < positions.dim(0); ++t) {
      const auto position = static_cast<float>(positions.as<const std::int32_t>()[t]);
      float* const row = cos_sin.as<float>() + t * 2 * half;
      for (std::int64_t i = 0; i < half; ++i) {
        // The product is rounded to float as the published implementations round it; at position
        // 30000 that rounding alone moves an angle by 1e-3.
        const float angle = position * inv_freq.as<const float>()[i];
        row[i] = static_cast<float>(std::cos(double{angle}));
        row[half + i] = static_cast<float>(std::sin(double{angle}));
      }
    }
  });
}

void ReferenceOps::do_gather_rows(Stream& stream, TensorView x, TensorView rows, TensorView out) {
  own<HostStream>(stream).enqueue([=] {
    check_indices("rows", rows, x.dim(0));
    for (std::int64_t r = 0; r < rows.dim(0); ++r) {
      std::ranges::copy(row_of(x, rows.as<const std::int32_t>()[r]),
                        out.as<float>() + r * out.dim(1));
    }
  });
}

void ReferenceOps::do_argmax(Stream& stream, TensorView logits, TensorView ids) {
  own<HostStream>(stream).enqueue([=] {
    for (std::int64_t r = 0; r < logits.dim(0); ++r) {
      const std::span<const float> row = row_of(logits, r);
      const auto best = std::ranges::max_element(row) - row.begin();
      ids.as<std::int32_t>()[r] =
          std::ranges::any_of(row, is_nan) ? -1 : static_cast<std::int32_t>(best);
    }
  });
}

void ReferenceOps::do_select_logprobs(Stream& stream, TensorView logits, TensorView ids,
                                      TensorView logprobs) {
  own<HostStream>(stream).enqueue([=] {
    check_indices("ids", ids, logits.dim(1));
    for (std::int64_t r = 0; r < logits.dim(0) && ids.dim(1) > 0; ++r) {
      const std::span<const float> row = row_of(logits, r);
      const double total = std::ranges::any_of(row, is_nan)
                               ? std::numeric_limits<double>::quiet_NaN()
                               : log_sum_exp(row);
      for (std::int64_t j = r * ids.dim(1); j < (r + 1) * ids.dim(1); ++j) {
        const double logit = row[static_cast<std::size_t>(ids.as<const std::int32_t>()[j])];
        logprobs.as<float>()[j] = static_cast<float>(logit - total);
      }
    }
  });
}

}  // namespace parapet
