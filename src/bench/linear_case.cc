#include <numeric>
#include <utility>

#include "bench/kernel_case.h"

namespace parapet {
namespace {

class LinearCase final : public KernelCase {
 public:
  LinearCase(Device& device, const LinearKernel& kernel, const MatrixFormat& format,
             RandomMatrices& matrices, std::int64_t rows)
      : KernelCase({kernel.name, std::string(format.name), rows, 0},
                   linear_cost(rows, kernel.in, kernel.out(), format)),
        ops_(device.ops()),
        op_(kernel.op),
        matrices_(matrices),
        x_(random_floats(rows * kernel.in, 1)),
        scale_(random_floats(kernel.in, 2)) {
    const bool gated = op_ == LinearKernel::Op::kGateUpSilu;
    const std::int64_t features = gated ? kernel.out() / 2 : kernel.out();
    out_.resize(static_cast<std::size_t>(rows * features));
    x_view_ = TensorView(x_.data(), DType::kF32, {rows, kernel.in});
    out_view_ = TensorView(out_.data(), DType::kF32, {rows, features});
    norm_.scale = TensorView(scale_.data(), DType::kF32, {kernel.in});
  }

  void run(Stream& stream) override {
    switch (op_) {
      case LinearKernel::Op::kNormLinear:
        return ops_.norm_linear(stream, x_view_, norm_, matrices_.next(), out_view_);
      case LinearKernel::Op::kLinearAdd:
        return ops_.linear_add(stream, x_view_, matrices_.next(), out_view_);
      case LinearKernel::Op::kGateUpSilu:
        return ops_.norm_gate_up_silu(stream, x_view_, norm_, matrices_.next(), out_view_);
    }
  }

 private:
  Ops& ops_;
  LinearKernel::Op op_;
  RandomMatrices& matrices_;
  std::vector<float> x_;
  std::vector<float> scale_;
  std::vector<float> out_;
  TensorView x_view_;
  TensorView out_view_;
  Norm norm_;
};

}  // namespace

std::int64_t LinearKernel::out() const {
  return std::accumulate(outs.begin(), outs.end(), std::int64_t{0});
}

std::vector<LinearKernel> linear_kernels(const ModelConfig& config) {
  using Op = LinearKernel::Op;
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t inner = config.intermediate_size;
  const std::int64_t query = config.num_attention_heads * config.head_dim;
  const std::int64_t key_value = config.num_key_value_heads * config.head_dim;
  return {{"qkv", Op::kNormLinear, hidden, {query, key_value, key_value}},
          {"o", Op::kLinearAdd, query, {hidden}},
          {"gate_up", Op::kGateUpSilu, hidden, {inner, inner}},
          {"down", Op::kLinearAdd, inner, {hidden}},
          {"lm_head", Op::kNormLinear, hidden, {config.vocab_size}}};
}

std::unique_ptr<KernelCase> linear_case(Device& device, const LinearKernel& kernel,
                                        const MatrixFormat& format, RandomMatrices& matrices,
                                        std::int64_t rows) {
  return std::make_unique<LinearCase>(device, kernel, format, matrices, rows);
}

}  // namespace parapet
