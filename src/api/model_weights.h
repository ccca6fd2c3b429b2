// The weights that the public options ask for.
#pragma once

#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "parapet/error.h"
#include "parapet/llm.h"

namespace parapet {

// Mapped from options.model, or made where load_format is "dummy"; repacked and quantized as the
// options or the configuration say.
Result<Weights> load_weights(const ModelOptions& options, const ModelConfig& config,
                             int num_threads);

}  // namespace parapet
