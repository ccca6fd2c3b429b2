// Answers generation requests on one device. Token ids in, token ids out.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "device/device.h"
#include "engine/model_runner.h"
#include "engine/options.h"
#include "engine/request.h"
#include "engine/sampler.h"
#include "parapet/error.h"

namespace parapet {

// One thread at a time may call it. The device must outlive it.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> create(Device& device, const ModelConfig& config,
                                                Weights weights, const EngineOptions& options);

  // One answer a request, in their order. A request that cannot be served fails alone; what the
  // others answer does not depend on it, nor on which requests share their steps.
  // `progress`, where there is one, is told after each step.
  std::vector<Result<GenerationOutput>> generate(std::span<const GenerationRequest> requests,
                                                 const StepProgress& progress = {});

  const EngineLimits& limits() const { return limits_; }
  const Qwen3Model& model() const { return runner_.model(); }

 private:
  Engine(const EngineLimits& limits, ModelRunner runner)
      : limits_(limits), runner_(std::move(runner)) {}

  EngineLimits limits_;
  ModelRunner runner_;
  Sampler sampler_;
};

}  // namespace parapet
