// Runs one step of a model: sequences in, what follows their rows out.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "device/device.h"
#include "engine/captured_pieces.h"
#include "engine/options.h"
#include "engine/scheduler.h"
#include "engine/step_inputs.h"
#include "engine/step_outputs.h"
#include "model/qwen3.h"
#include "parapet/error.h"

namespace parapet {

class ModelRunner {
 public:
  // The device must outlive the runner, and the model's buffers must hold the largest step.
  static Result<ModelRunner> create(Device& device, Qwen3Model model, const EngineLimits& limits,
                                    const CapturedPieces::Progress& progress);

  // Computes the step, and one result for each of `rows`. Sequences stay as they are; their new
  // keys and values are in the cache.
  Result<std::vector<LogitRowResult>> run(const Step& step, std::span<const LogitRow> rows,
                                          const LogitsReader& reader);

  const Qwen3Model& model() const { return model_; }
  const CapturedPieces& captured() const { return captured_; }
  double device_seconds() const { return device_seconds_; }  // in ops, of all runs

 private:
  ModelRunner(Device& device, Qwen3Model model, std::unique_ptr<Stream> stream,
              std::unique_ptr<KvCache> cache, StepInputs inputs, StepOutputs outputs);

  Status forward(std::int64_t captured_size);

  Device* device_;
  Qwen3Model model_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<KvCache> cache_;
  StepInputs inputs_;
  StepOutputs outputs_;
  CapturedPieces captured_;
  double device_seconds_ = 0;
};

}  // namespace parapet
