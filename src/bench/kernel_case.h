// One kernel at one size, ready to be called again and again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/kernel_costs.h"
#include "bench/random_matrix.h"
#include "device/device.h"
#include "device/ops.h"
#include "parapet/error.h"

namespace parapet {

class KernelCase {
 public:
  struct Label {
    std::string name;
    std::string format;
    std::int64_t rows = 0;
    std::int64_t context = 0;
  };

  KernelCase(Label label, KernelCost cost) : label_(std::move(label)), cost_(cost) {}
  virtual ~KernelCase() = default;
  // Enqueues one call, on other memory than the last one.
  virtual void run(Stream& stream) = 0;

  const Label& label() const { return label_; }
  const KernelCost& cost() const { return cost_; }

 private:
  Label label_;
  KernelCost cost_;
};

// The linear kernels of a forward pass, by the op that calls them.
struct LinearKernel {
  enum class Op : std::uint8_t { kNormLinear, kLinearAdd, kGateUpSilu };
  std::string name;
  Op op;
  std::int64_t in;
  std::vector<std::int64_t> outs;  // stacked
  std::int64_t out() const;
};
std::vector<LinearKernel> linear_kernels(const ModelConfig& config);

// The matrices must outlive it.
std::unique_ptr<KernelCase> linear_case(Device& device, const LinearKernel& kernel,
                                        const MatrixFormat& format, RandomMatrices& matrices,
                                        std::int64_t rows);

// Attention of one layer to `context` tokens: of the last `queries` of one sequence; of a next
// token of each of `sequences`; or of ten branches of 1 to 5 tokens, a verdict's categories.
Result<std::unique_ptr<KernelCase>> prefill_attention_case(Device& device,
                                                           const ModelConfig& config,
                                                           DType kv_dtype, std::int64_t queries,
                                                           std::int64_t context);
Result<std::unique_ptr<KernelCase>> decode_attention_case(Device& device, const ModelConfig& config,
                                                          DType kv_dtype, std::int64_t sequences,
                                                          std::int64_t context);
Result<std::unique_ptr<KernelCase>> tree_attention_case(Device& device, const ModelConfig& config,
                                                        DType kv_dtype, std::int64_t context);

// What a layer does to its rows between the matrices: head norms, RoPE, keys and values stored.
Result<std::unique_ptr<KernelCase>> rest_case(Device& device, const ModelConfig& config,
                                              DType kv_dtype, std::int64_t rows);

}  // namespace parapet
