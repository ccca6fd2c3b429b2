// A step's integers on the device, and what a model makes of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "device/device.h"
#include "device/ops.h"
#include "model/qwen3.h"
#include "parapet/error.h"
#include "parapet/types.h"
#include "precision/probe_plan.h"

namespace parapet {

class ProbeSteps {
 public:
  // The model and the device must outlive it.
  static Result<ProbeSteps> create(Device& device, Qwen3Model& model, std::int64_t num_blocks,
                                   int block_size, DType kv_cache_dtype);

  std::int64_t num_blocks() const { return cache_->spec().num_blocks; }
  int block_size() const { return cache_->spec().block_size; }

  // Computes the pieces' tokens; ids and block tables are those of all prompts.
  Status forward(std::span<const ProbePiece> pieces, std::span<const std::vector<TokenId>> ids,
                 std::span<const std::vector<std::int32_t>> block_tables);
  // The logits after rows of the last forward(), [rows.size(), vocab_size]; as many rows as the
  // model's limits allow.
  Result<std::vector<float>> logits(std::span<const std::int32_t> rows);

 private:
  ProbeSteps(Device& device, Qwen3Model& model) : device_(&device), model_(&model) {}
  Result<TensorView> upload(const std::vector<std::int32_t>& host, std::int64_t rows);

  Device* device_;
  Qwen3Model* model_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<KvCache> cache_;
  std::vector<std::unique_ptr<Buffer>> inputs_;  // of the step under way
};

}  // namespace parapet
