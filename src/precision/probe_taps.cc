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
  for (const ProbeOutput& input : inputs) {
    PARAPET_CHECK(ops_ ? input.ops.size() == num_ops() : input.hidden.size() == num_hidden());
  }
  prompts_ = prompts;
  outputs_ = outputs;
  inputs_ = inputs;
  rows_.clear();
  for (ProbeOutput& output : outputs) {
    if (hidden_) output.hidden.resize(num_hidden());
    if (ops_) output.ops.resize(num_ops());
  }
}

std::size_t ProbeTaps::num_hidden() const { return to_size(1 + num_layers_); }

// The embedding, the ops of each layer, the last norm, the logits.
std::size_t ProbeTaps::num_ops() const { return to_size(3 + num_layers_ * kOpsOfLayer); }

std::size_t ProbeTaps::op_index(int layer, OpName op) const {
  if (op == OpName::kEmbedding) return 0;
  if (op == OpName::kFinalNorm) return to_size(1 + num_layers_ * kOpsOfLayer);
  if (op == OpName::kLogits) return to_size(2 + num_layers_ * kOpsOfLayer);
  PARAPET_CHECK(layer >= 0 && layer < num_layers_);
  return to_size(1 + layer * kOpsOfLayer + static_cast<int>(op) -
                 static_cast<int>(OpName::kInputNorm));
}

void ProbeTaps::on_op(int layer, OpName op, const TappedRows& tapped) {
  PARAPET_CHECK(layer >= -1 && layer <= num_layers_);
  if (hidden_ && (op == OpName::kEmbedding || op == OpName::kMlpResidual)) {
    for (const Row& row : rows_) collect_hidden(to_size(layer + 1), row, tapped);
  }
  if (ops_) {
    for (const Row& row : rows_) collect_op(layer, op, row, tapped);
  }
}

void ProbeTaps::collect_hidden(std::size_t index, const Row& row, const TappedRows& tapped) {
  collect(row, tapped, outputs_[row.prompt].hidden[index]);
  if (inputs_.empty() || ops_) return;
  replace(row, tapped, inputs_[row.prompt].hidden[index]);
}

void ProbeTaps::collect_op(int layer, OpName op, const Row& row, const TappedRows& tapped) {
  const std::size_t index = op_index(layer, op);
  OpOutput& output = outputs_[row.prompt].ops[index];
  output.layer = layer;
  output.op = op;
  output.features = tapped.features;
  collect(row, tapped, output.values);
  if (inputs_.empty()) return;
  replace(row, tapped, inputs_[row.prompt].ops[index].values);
}

// A row into its place among the values of the prompt's positions.
void ProbeTaps::collect(const Row& row, const TappedRows& tapped, std::vector<float>& values) {
  PARAPET_CHECK(row.row < tapped.rows);
  values.resize(prompts_[row.prompt].positions.size() * to_size(tapped.features));
  std::copy_n(tapped.data + row.row * tapped.stride, tapped.features,
              values.begin() + static_cast<std::ptrdiff_t>(row.index) * tapped.features);
}

void ProbeTaps::replace(const Row& row, const TappedRows& tapped,
                        const std::vector<float>& values) {
  PARAPET_CHECK(values.size() == prompts_[row.prompt].positions.size() * to_size(tapped.features));
  std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(row.index) * tapped.features,
              tapped.features, tapped.data + row.row * tapped.stride);
}

}  // namespace parapet
