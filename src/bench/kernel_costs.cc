#include "bench/kernel_costs.h"

#include <algorithm>
#include <string>

#include "base/check.h"

namespace parapet {
namespace {

constexpr MatrixFormat packed_format(WeightFormat format) {
  return {.name = weight_format_name(format),
          .packed = true,
          .packed_format = format,
          .group_size = default_group_size(format)};
}

constexpr MatrixFormat kFormats[] = {
    {.name = "float32", .dtype = DType::kF32}, {.name = "bfloat16", .dtype = DType::kBF16},
    {.name = "float16", .dtype = DType::kF16}, packed_format(WeightFormat::kInt8),
    packed_format(WeightFormat::kInt4),
};

double product(std::int64_t a, std::int64_t b, std::int64_t c) {
  return static_cast<double>(a) * static_cast<double>(b) * static_cast<double>(c);
}

}  // namespace

std::int64_t MatrixFormat::bytes(std::int64_t in, std::int64_t out) const {
  if (!packed) return in * out * static_cast<std::int64_t>(dtype_size(dtype));
  const PackedShape shape{packed_format, out, in, group_size};
  return shape.code_bytes() + shape.num_scales() * static_cast<std::int64_t>(sizeof(std::uint16_t));
}

Peak MatrixFormat::compute() const {
  if (!packed) return dtype == DType::kBF16 ? Peak::kBf16 : Peak::kFp32;
  return packed_format == WeightFormat::kInt8 ? Peak::kInt8 : Peak::kInt4;
}

Result<MatrixFormat> matrix_format(std::string_view name) {
  for (const MatrixFormat& format : kFormats) {
    if (format.name == name) return format;
  }
  std::string known;
  for (const MatrixFormat& format : kFormats) {
    known += (known.empty() ? "'" : "', '") + std::string(format.name);
  }
  return Error{ErrorCode::kInvalidArgument,
               "format: '" + std::string(name) + "'; expected " + known + "'"};
}

std::vector<std::string_view> matrix_format_names() {
  std::vector<std::string_view> names;
  for (const MatrixFormat& format : kFormats) names.push_back(format.name);
  return names;
}

double KernelCost::compute_seconds(const MachinePeaks& peaks) const {
  return 1e-9 * ops / peaks.of(compute);
}

double KernelCost::read_seconds(const MachinePeaks& peaks) const {
  return 1e-9 * bytes / peaks.read_gb_s;
}

double KernelCost::limit_seconds(const MachinePeaks& peaks) const {
  return std::max(compute_seconds(peaks), read_seconds(peaks));
}

Peak KernelCost::bound_by(const MachinePeaks& peaks) const {
  return compute_seconds(peaks) > read_seconds(peaks) ? compute : Peak::kRead;
}

KernelCost total(std::span<const KernelCost> costs) {
  KernelCost sum;
  for (const KernelCost& cost : costs) {
    sum.ops += cost.ops;
    sum.bytes += cost.bytes;
  }
  return sum;
}

KernelCost linear_cost(std::int64_t rows, std::int64_t in, std::int64_t out,
                       const MatrixFormat& format) {
  return {.ops = 2 * product(rows, in, out),
          .bytes = static_cast<double>(format.bytes(in, out)),
          .compute = format.compute()};
}

// Query i of the last `queries` tokens sees context - queries + i + 1 keys.
KernelCost attention_cost(const ModelConfig& config, std::int64_t queries, std::int64_t context,
                          DType kv_dtype) {
  const double pairs = static_cast<double>(queries) *
                       (static_cast<double>(context) - 0.5 * static_cast<double>(queries - 1));
  const std::int64_t token_bytes = config.kv_bytes_per_token(kv_dtype) / config.num_hidden_layers;
  return {.ops = 4 * pairs * product(config.num_attention_heads, config.head_dim, 1),
          .bytes = static_cast<double>(context * token_bytes),
          .compute = kv_dtype == DType::kBF16 ? Peak::kBf16 : Peak::kFp32};
}

Result<ModelFormats> model_formats(std::string_view name) {
  PARAPET_ASSIGN(const MatrixFormat layers, matrix_format(name));
  PARAPET_ASSIGN(MatrixFormat head, matrix_format(name == "int4" ? "int8" : name));
  if (head.packed) head.group_size = kHeadGroupSize;
  return ModelFormats{layers, head};
}

Result<ModelFormats> model_formats(const EngineInfo& engine, const ModelConfig& config) {
  PARAPET_ASSIGN(ModelFormats formats, model_formats(engine.weights_dtype));
  PARAPET_ASSIGN(formats.dense, matrix_format(dtype_name(config.dtype)));
  formats.dense_layers = engine.dense_layers;
  return formats;
}

std::vector<KernelCost> forward_costs(const ModelConfig& config, const ModelFormats& formats,
                                      const ForwardShape& shape) {
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t query = config.num_attention_heads * config.head_dim;
  const std::int64_t key_value = config.num_key_value_heads * config.head_dim;
  std::vector<KernelCost> costs;
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const MatrixFormat& matrices = layer < formats.dense_layers ? formats.dense : formats.layers;
    // Past its keys and values, the last layer works on the rows alone whose logits are read.
    const bool last = layer + 1 == config.num_hidden_layers;
    const std::int64_t rows = last ? std::min(shape.rows, shape.logit_rows) : shape.rows;
    costs.push_back(linear_cost(shape.rows, hidden, query + 2 * key_value, matrices));
    KernelCost attention =
        attention_cost(config, rows / shape.sequences, shape.context, shape.kv_dtype);
    attention.ops *= static_cast<double>(shape.sequences);
    attention.bytes *= static_cast<double>(shape.sequences);
    costs.push_back(attention);
    costs.push_back(linear_cost(rows, query, hidden, matrices));
    costs.push_back(linear_cost(rows, hidden, 2 * config.intermediate_size, matrices));
    costs.push_back(linear_cost(rows, config.intermediate_size, hidden, matrices));
  }
  costs.push_back(linear_cost(shape.logit_rows, hidden, config.vocab_size, formats.head));
  return costs;
}

double limit_seconds(std::span<const KernelCost> costs, const MachinePeaks& peaks) {
  double seconds = 0;
  for (const KernelCost& cost : costs) seconds += cost.limit_seconds(peaks);
  return seconds;
}

}  // namespace parapet
