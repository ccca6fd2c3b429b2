// What a computation cannot do without, and so the least time that a machine needs for it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/packed_weight.h"
#include "checkpoint/config.h"
#include "parapet/bench.h"
#include "parapet/error.h"

namespace parapet {

// How a matrix lies in memory.
struct MatrixFormat {
  std::string_view name;      // "float32", "bfloat16", "float16", "int8", "int4"
  DType dtype = DType::kF32;  // where it is not packed
  bool packed = false;
  WeightFormat packed_format = WeightFormat::kInt8;
  std::int64_t group_size = 0;  // of a packed one

  std::int64_t bytes(std::int64_t in, std::int64_t out) const;
  Peak compute() const;  // what multiplies it
};
Result<MatrixFormat> matrix_format(std::string_view name);
std::vector<std::string_view> matrix_format_names();

// Operations (a multiply-add is two) and the bytes that must come from memory. Activations between
// two kernels are taken to be in cache.
struct KernelCost {
  double ops = 0;
  double bytes = 0;
  Peak compute = Peak::kFp32;

  double compute_seconds(const MachinePeaks& peaks) const;
  double read_seconds(const MachinePeaks& peaks) const;
  double limit_seconds(const MachinePeaks& peaks) const;  // the longer of the two
  Peak bound_by(const MachinePeaks& peaks) const;
};
KernelCost total(std::span<const KernelCost> costs);  // of sums; `compute` says nothing

KernelCost linear_cost(std::int64_t rows, std::int64_t in, std::int64_t out,
                       const MatrixFormat& format);

// `queries` tokens of one sequence at the end of `context`, in one layer. Each key and value is
// read once, for all heads that use it.
KernelCost attention_cost(const ModelConfig& config, std::int64_t queries, std::int64_t context,
                          DType kv_dtype);

// All kernels of a forward pass: `rows` tokens at the end of `context`, logits of `logit_rows`.
// Rows of several sequences are divided among them, and each has a context of its own.
struct ForwardShape {
  std::int64_t rows = 1;
  std::int64_t context = 1;
  std::int64_t logit_rows = 1;
  std::int64_t sequences = 1;
  DType kv_dtype = DType::kBF16;
};
struct ModelFormats {
  MatrixFormat layers;
  MatrixFormat head;        // and embedding
  MatrixFormat dense = {};  // of the first dense_layers
  std::int64_t dense_layers = 0;
};
// As weights of that name are: the head of "int4" is int8.
Result<ModelFormats> model_formats(std::string_view name);
// As an engine holds the weights of this configuration.
Result<ModelFormats> model_formats(const EngineInfo& engine, const ModelConfig& config);
std::vector<KernelCost> forward_costs(const ModelConfig& config, const ModelFormats& formats,
                                      const ForwardShape& shape);
double limit_seconds(std::span<const KernelCost> costs, const MachinePeaks& peaks);

}  // namespace parapet
