#include "precision/probe_taps.h"

#include <algorithm>

#include "base/check.h"

namespace parapet {
namespace {

constexpr int kOpsOfLayer =
    static_cast<int>(OpName::kMlpResidual) - static_cast<int>(OpName::kInputNorm) + 1;

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

}  // namespace

void ProbeTaps::begin(std::span<const ProbePrompt> prompts, std::span<ProbeOutput> outputs,
                      std::span<const ProbeOutput> inputs) {
  PARAPET_CHECK(prompts.size() == outputs.size());
  PARAPET_CHECK(inputs.empty() || inputs.size() == prompts.size());
  prompts_ = prompts;
  outputs_ = outputs;
  inputs_ = inputs;
  rows_.clear();
  for (ProbeOutput& output : outputs) {
    if (hidden_) output.hidden.resize(to_size(1 + num_layers_));
    if (ops_) output.ops.resize(to_size(3 + num_layers_ * kOpsOfLayer));
  }
}

// The embedding, the ops of each layer, the last norm, the logits.
std::size_t ProbeTaps::op_index(int layer, OpName op) const {
  if (op == OpName::kEmbedding) return 0;
  if (op == OpName::kFinalNorm) return to_size(1 + num_layers_ * kOpsOfLayer);
  if (op == OpName::kLogits) return to_size(2 + num_layers_ * kOpsOfLayer);
  PARAPET_CHECK(layer >= 0 && layer < num_layers_);
  return to_size(1 + layer * kOpsOfLayer + static_cast<int>(op) -
                 static_cast<int>(OpName::kInputNorm));
}

void ProbeTaps::on_op(int layer, OpName op, const TappedRows& tapped) {
  const bool residual = op == OpName::kEmbedding || op == OpName::kMlpResidual;
  if (hidden_ && residual) {
    for (const Row& row : rows_) {
      auto& values = outputs_[row.prompt].hidden[to_size(layer + 1)];
      values.resize(prompts_[row.prompt].positions.size() * to_size(tapped.features));
      std::copy_n(tapped.data + row.row * tapped.stride, tapped.features,
                  values.begin() + static_cast<std::ptrdiff_t>(row.index) * tapped.features);
    }
  }
  if (ops_) collect_op(layer, op, tapped);
}

void ProbeTaps::collect_op(int layer, OpName op, const TappedRows& tapped) {
  const std::size_t index = op_index(layer, op);
  for (const Row& row : rows_) {
    PARAPET_CHECK(row.row < tapped.rows);
    OpOutput& output = outputs_[row.prompt].ops[index];
    output.layer = layer;
    output.op = op;
    output.features = tapped.features;
    output.values.resize(prompts_[row.prompt].positions.size() * to_size(tapped.features));
    float* const values = tapped.data + row.row * tapped.stride;
    const auto offset = static_cast<std::ptrdiff_t>(row.index) * tapped.features;
    std::copy_n(values, tapped.features, output.values.begin() + offset);
    if (inputs_.empty()) continue;
    const OpOutput& input = inputs_[row.prompt].ops[index];
    PARAPET_CHECK(input.op == op && input.values.size() == output.values.size());
    std::copy_n(input.values.begin() + offset, tapped.features, values);
  }
}

}  // namespace parapet
