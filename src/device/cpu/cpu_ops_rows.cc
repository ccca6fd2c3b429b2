#include <algorithm>
#include <cmath>
#include <limits>

#include "device/cpu/cpu_ops.h"
#include "device/host/host_checks.h"
#include "device/host/host_device.h"
#include "device/host/host_linear.h"
#include "device/host/host_packed_linear.h"
#include "device/host/host_stream.h"

namespace parapet::cpu {

void CpuOps::do_embed(Stream& stream, TensorView token_ids, const LinearWeight& table,
                      TensorView hidden) {
  own<HostStream>(stream).enqueue([=, this, &table = own_linear(table)] {
    check_indices("token_ids", token_ids, table.out_features());
    const std::int64_t features = table.in_features();
    const auto* const packed = dynamic_cast<const HostPackedLinear*>(&table);
    pool_.run(token_ids.dim(0), [=, this, &table](std::int64_t t, int) {
      const std::int32_t id = token_ids.as<const std::int32_t>()[t];
      float* const row = hidden.as<float>() + t * features;
      if (packed != nullptr) {
        packed->dequantize_row(id, row);
      } else {
        const auto& dense = own<const HostLinear>(table);
        kernels_.widen[static_cast<int>(dense.dtype())](dense.run(id, 1).data, features, row);
      }
    });
  });
}

void CpuOps::do_rope_angles(Stream& stream, TensorView positions, TensorView inv_freq,
                            TensorView cos_sin) {
  own<HostStream>(stream).enqueue([=, this] {
    const std::int64_t half = inv_freq.dim(0);
    pool_.run(positions.dim(0), [=](std::int64_t t, int) {
      const auto position = static_cast<float>(positions.as<const std::int32_t>()[t]);
      float* const row = cos_sin.as<float>() + t * 2 * half;
      for (std::int64_t i = 0; i < half; ++i) {
        const float angle = position * inv_freq.as<const float>()[i];
        row[i] = std::cos(angle);  // the library reduces large angles exactly
        row[half + i] = std::sin(angle);
      }
    });
  });
}

void CpuOps::do_gather_rows(Stream& stream, TensorView x, TensorView rows, TensorView out) {
  own<HostStream>(stream).enqueue([=] {
    check_indices("rows", rows, x.dim(0));
    const std::int64_t features = x.dim(1);
    for (std::int64_t r = 0; r < rows.dim(0); ++r) {
      std::copy_n(x.as<const float>() + rows.as<const std::int32_t>()[r] * features, features,
                  out.as<float>() + r * features);
    }
  });
}

void CpuOps::do_argmax(Stream& stream, TensorView logits, TensorView ids) {
  own<HostStream>(stream).enqueue([=, this] {
    const std::int64_t vocab = logits.dim(1);
    pool_.run(logits.dim(0), [=, this](std::int64_t r, int) {
      ids.as<std::int32_t>()[r] =
          static_cast<std::int32_t>(kernels_.argmax(logits.as<const float>() + r * vocab, vocab));
    });
  });
}

void CpuOps::do_select_logprobs(Stream& stream, TensorView logits, TensorView ids,
                                TensorView logprobs) {
  own<HostStream>(stream).enqueue([=, this] {
    check_indices("ids", ids, logits.dim(1));
    const std::int64_t vocab = logits.dim(1);
    const std::int64_t selected = ids.dim(1);
    if (selected == 0) return;
    pool_.run(logits.dim(0), [=, this](std::int64_t r, int) {
      const float* const row = logits.as<const float>() + r * vocab;
      const std::int64_t best = kernels_.argmax(row, vocab);
      double total = std::numeric_limits<double>::quiet_NaN();
      if (best >= 0) {
        total = row[best];  // infinite where that is: then max - max has no value
        if (std::isfinite(total)) total += std::log(kernels_.sum_exp(row, vocab, row[best]));
      }
      for (std::int64_t j = r * selected; j < (r + 1) * selected; ++j) {
        logprobs.as<float>()[j] = static_cast<float>(row[ids.as<const std::int32_t>()[j]] - total);
      }
    });
  });
}

}  // namespace parapet::cpu
