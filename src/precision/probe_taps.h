// Collects what ops give at the positions that prompts ask for, and can put other values there.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device/numerics/op_taps.h"
#include "precision/forward_probe.h"

namespace parapet {

class ProbeTaps final : public OpTaps {
 public:
  ProbeTaps(int num_layers, bool hidden, bool ops)
      : num_layers_(num_layers), hidden_(hidden), ops_(ops) {}

  // A row of the ops to come, and whose it is.
  struct Row {
    std::int64_t row = 0;
    std::size_t prompt = 0;
    std::size_t index = 0;  // among the prompt's positions
  };

  // Collects into `outputs`, one a prompt, until the next begin() or end(). Where `inputs` is not
  // empty, what it has at the same place replaces what an op gave.
  void begin(std::span<const ProbePrompt> prompts, std::span<ProbeOutput> outputs,
             std::span<const ProbeOutput> inputs);
  void end() { rows_.clear(); }
  void select(std::vector<Row> rows) { rows_ = std::move(rows); }

  bool inside_layers() const override { return ops_; }
  void on_op(int layer, OpName op, const TappedRows& rows) override;

 private:
  std::size_t num_hidden() const;
  std::size_t num_ops() const;
  std::size_t op_index(int layer, OpName op) const;
  void collect_hidden(std::size_t index, const Row& row, const TappedRows& tapped);
  void collect_op(int layer, OpName op, const Row& row, const TappedRows& tapped);
  void collect(const Row& row, const TappedRows& tapped, std::vector<float>& values);
  void replace(const Row& row, const TappedRows& tapped, const std::vector<float>& values);

  int num_layers_;
  bool hidden_;
  bool ops_;
  std::span<const ProbePrompt> prompts_;
  std::span<ProbeOutput> outputs_;
  std::span<const ProbeOutput> inputs_;
  std::vector<Row> rows_;
};

}  // namespace parapet
