#include "device/numerics/exact_linear.h"

#include <algorithm>

#include "base/check.h"
#include "base/half.h"
#include "base/parallel.h"
#include "device/host/host_device.h"
#include "device/host/host_stream.h"

namespace parapet {
namespace {

constexpr std::int64_t kRows = 512;  // a few megabytes of floats

// The group's inputs of all features of a panel; `out` is the panel's first feature's first input.
void unpack_group(const PackedMatrix& matrix, std::int64_t panel, std::int64_t group,
                  std::int64_t features, float* out) {
  const PackedShape& shape = matrix.shape;
  const bool wide = shape.format == WeightFormat::kInt8;
  const int quad_bits = wide ? 2 : 3;  // 4 or 8 inputs in 64 bytes
  const int zero = weight_zero(shape.format);
  const std::int64_t first_input = group * shape.group_size;
  const std::int64_t inputs = std::min(shape.group_size, shape.in_features - first_input);
  const std::uint8_t* const codes =
      matrix.codes + panel * shape.panel_bytes() + group * shape.group_bytes();
  const std::uint16_t* const scales =
      matrix.scales + (panel * shape.groups() + group) * kPanelFeatures;
  for (std::int64_t f = 0; f < features; ++f) {
    const float scale = bf16_to_f32(scales[f]);
    float* const row = out + f * shape.in_features + first_input;
    for (std::int64_t k = 0; k < inputs; ++k) {
      const int byte = codes[(k >> quad_bits) * (kPanelFeatures * 4) + f * 4 + (k & 3)];
      const int code = wide ? byte : ((k & 4) == 0 ? byte & 15 : byte >> 4);
      row[k] = scale * static_cast<float>(code - zero);
    }
    for (std::int64_t k = 0; k < inputs && shape.has_input_factors; ++k) {
      row[k] *= bf16_to_f32(matrix.input_factors[first_input + k]);
    }
  }
}

void copy_columns(TensorView from, TensorView to, std::int64_t first_column) {
  for (std::int64_t r = 0; r < from.dim(0); ++r) {
    std::copy_n(from.as<const float>() + r * from.dim(1), from.dim(1),
                to.as<float>() + r * to.dim(1) + first_column);
  }
}

}  // namespace

void unpack_rows(const PackedMatrix& matrix, std::int64_t first, std::int64_t rows, float* out,
                 int num_threads) {
  PARAPET_CHECK(first % kPanelFeatures == 0);
  const std::int64_t panels = (rows + kPanelFeatures - 1) / kPanelFeatures;
  for_each_task(static_cast<std::size_t>(panels), num_threads,
                [&](std::size_t task) {
                  const auto panel = static_cast<std::int64_t>(task);
                  const std::int64_t begin = panel * kPanelFeatures;
                  const std::int64_t features = std::min(kPanelFeatures, rows - begin);
                  for (std::int64_t group = 0; group < matrix.shape.groups(); ++group) {
                    unpack_group(matrix, first / kPanelFeatures + panel, group, features,
                                 out + begin * matrix.shape.in_features);
                  }
                },
                {});
}

ExactLinear::DenseRows& ExactLinear::dense_rows(std::int64_t rows, std::int64_t features) {
  DenseRows& dense = dense_[{rows, features}];
  if (!dense.linear) {
    dense.memory = allocate_aligned(static_cast<std::size_t>(rows * features) * sizeof(float));
    const TensorView view(dense.memory.get(), DType::kF32, {rows, features});
    auto linear = inner_.load_linear(std::span(&view, 1));
    PARAPET_CHECK(linear.ok());
    dense.linear = std::move(*linear);
  }
  return dense;
}

void ExactLinear::enqueue(Stream& stream, TensorView x, const HostPackedLinear& weight,
                          TensorView out) {
  auto& host_stream = own<HostStream>(stream);
  for (const HostPackedLinear::Part& part : weight.parts()) {
    const PackedShape& shape = part.matrix.shape;
    for (std::int64_t first = 0; first < shape.out_features; first += kRows) {
      const std::int64_t rows = std::min(kRows, shape.out_features - first);
      DenseRows& dense = dense_rows(rows, shape.in_features);
      auto* const floats = reinterpret_cast<float*>(dense.memory.get());
      host_stream.enqueue([matrix = part.matrix, first, rows, floats, threads = num_threads_] {
        unpack_rows(matrix, first, rows, floats, threads);
      });
      const TensorView sums = sums_.matrix(x.dim(0), rows);
      inner_.ops().norm_linear(stream, x, Norm{}, *dense.linear, sums);
      host_stream.enqueue(
          [sums, out, column = part.first_feature + first] { copy_columns(sums, out, column); });
    }
  }
}

}  // namespace parapet
