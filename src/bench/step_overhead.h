// What the engine itself takes of a step, where the model takes next to nothing.
#pragma once

#include <cstdint>

#include "parapet/error.h"
#include "parapet/llm.h"

namespace parapet {

// Median microseconds of a decode step of one sequence that are not spent in the device's ops, with
// the shape "tiny", while so many requests wait in the queue. Device and threads as in `model`.
Result<double> step_overhead_us(const ModelOptions& model, std::int64_t num_waiting);

}  // namespace parapet
