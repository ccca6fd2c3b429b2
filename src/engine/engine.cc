#include "engine/engine.h"

#include <utility>

#include "engine/generation.h"

namespace parapet {

Result<std::unique_ptr<Engine>> Engine::create(Device& device, const ModelConfig& config,
                                               Weights weights, const EngineOptions& options) {
  PARAPET_ASSIGN(const EngineLimits limits, EngineLimits::resolve(options, config));
  PARAPET_ASSIGN(Qwen3Model model,
                 Qwen3Model::load(device, config, std::move(weights),
                                  {.max_num_tokens = limits.max_num_batched_tokens,
                                   .max_num_logit_rows = limits.max_num_seqs}));
  PARAPET_ASSIGN(ModelRunner runner, ModelRunner::create(device, std::move(model), limits));
  return std::unique_ptr<Engine>(new Engine(limits, std::move(runner)));
}

std::vector<Result<GenerationOutput>> Engine::generate(std::span<const GenerationRequest> requests,
                                                       const StepProgress& progress) {
  Generation generation(requests, limits_, runner_, sampler_);
  while (generation.has_work()) {
    generation.step();
    if (progress) progress(generation.num_computed(), generation.num_expected());
  }
  return std::move(generation).answers();
}

}  // namespace parapet
