#include <cmath>

#include "device/host/host_device.h"
#include "device/host/host_stream.h"
#include "device/reference/reference_formulas.h"
#include "device/reference/reference_ops.h"

namespace parapet {

void ReferenceOps::do_norm_linear(Stream& stream, TensorView x, const Norm& norm,
                                  const LinearWeight& weight, TensorView out) {
  own<HostStream>(stream).enqueue([=, &w = own_linear(weight)] {
    const std::int64_t in = w.in_features();
    const std::int64_t features = w.out_features();
    for (std::int64_t t = 0; t < x.dim(0); ++t) {
      const std::vector<double> row = linear_input(x.as<const float>() + t * in, norm, w);
      for (std::int64_t n = 0; n < features; ++n) {
        out.as<float>()[t * features + n] = static_cast<float>(dot(row, w, n));
      }
    }
  });
}

void ReferenceOps::do_linear_add(Stream& stream, TensorView x, const LinearWeight& weight,
                                 TensorView residual) {
  own<HostStream>(stream).enqueue([=, &w = own_linear(weight)] {
    const std::int64_t in = w.in_features();
    const std::int64_t features = w.out_features();
    for (std::int64_t t = 0; t < x.dim(0); ++t) {
      const std::vector<double> row = linear_input(x.as<const float>() + t * in, Norm{}, w);
      for (std::int64_t n = 0; n < features; ++n) {
        float& sum = residual.as<float>()[t * features + n];
        sum = static_cast<float>(sum + dot(row, w, n));
      }
    }
  });
}

void ReferenceOps::do_norm_gate_up_silu(Stream& stream, TensorView x, const Norm& norm,
                                        const LinearWeight& gate_up, TensorView out) {
  own<HostStream>(stream).enqueue([=, &w = own_linear(gate_up)] {
    const std::int64_t in = w.in_features();
    const std::int64_t features = w.out_features() / 2;
    for (std::int64_t t = 0; t < x.dim(0); ++t) {
      const std::vector<double> row = linear_input(x.as<const float>() + t * in, norm, w);
      for (std::int64_t n = 0; n < features; ++n) {
        const double gate = dot(row, w, n);
        const double up = dot(row, w, features + n);
        const double silu = gate / (1.0 + std::exp(-gate));
        out.as<float>()[t * features + n] = static_cast<float>(silu * up);
      }
    }
  });
}

}  // namespace parapet
