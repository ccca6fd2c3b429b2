// Runs one step of a model: sequences in, what follows them out.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "device/device.h"
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
  static Result<ModelRunner> create(Device& device, Qwen3Model model, const EngineLimits& limits);

  // One entry for each scheduled sequence, empty where it yields no token. Sequences stay as they
  // are; their new keys and values are in the cache.
  Result<std::vector<std::optional<NextToken>>> run(std::span<const ScheduledSequence> scheduled);

  const Qwen3Model& model() const { return model_; }

 private:
  ModelRunner(Device& device, Qwen3Model model, std::unique_ptr<Stream> stream,
              std::unique_ptr<KvCache> cache, StepInputs inputs, StepOutputs outputs);

  Device* device_;
  Qwen3Model model_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<KvCache> cache_;
  StepInputs inputs_;
  StepOutputs outputs_;
};

}  // namespace parapet
