// The configuration and the weights that the public options ask for.
#pragma once

#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "parapet/error.h"
#include "parapet/llm.h"

namespace parapet {

// Of the checkpoint, or of options.shape.
Result<ModelConfig> config_of(const ModelOptions& options);
// Random weights, not the checkpoint's.
bool is_dummy(const ModelOptions& options);

// Mapped from options.model, or dummy ones; repacked and quantized as the
// options or the configuration say.
Result<Weights> load_weights(const ModelOptions& options, const ModelConfig& config,
                             int num_threads);

}  // namespace parapet
