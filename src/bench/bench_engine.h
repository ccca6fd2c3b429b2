// An engine to measure: of a checkpoint, or of dummy weights in a published shape.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "api/engine_setup.h"
#include "engine/request.h"
#include "parapet/bench.h"
#include "parapet/error.h"

namespace parapet {

Result<EngineSetup> set_up_bench_engine(const BenchOptions& options);

// Ids that repeat from run to run.
std::vector<TokenId> random_tokens(std::mt19937_64& random, std::int64_t count,
                                   std::int64_t vocab_size);

struct TimedAnswer {
  GenerationOutput output;
  double milliseconds = 0;  // from the call to the answer
};

// Runs them together to their ends.
Result<std::vector<TimedAnswer>> run_timed(Engine& engine, std::vector<GenerationRequest> requests);
Result<TimedAnswer> run_timed(Engine& engine, GenerationRequest request);

Milliseconds percentiles(const std::vector<double>& milliseconds);

}  // namespace parapet
