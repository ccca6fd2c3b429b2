#include "bench/step_overhead.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "bench/bench_engine.h"
#include "bench/statistics.h"

namespace parapet {

Result<double> step_overhead_us(const ModelOptions& model, std::int64_t num_waiting) {
  constexpr std::int64_t kSteps = 2000;
  BenchOptions options;
  options.model.shape = "tiny";
  options.model.device = model.device;
  options.model.num_threads = model.num_threads;
  options.model.enforce_eager = model.enforce_eager;
  options.model.max_num_seqs = 1;  // all others wait
  options.model.max_model_len = 4096;
  PARAPET_ASSIGN(EngineSetup setup, set_up_bench_engine(options));
  Engine& engine = *setup.engine;

  std::mt19937_64 random(1);
  const auto add = [&](std::int64_t max_tokens) {
    GenerationRequest request;
    request.prompt = random_tokens(random, 32, engine.limits().vocab_size);
    request.max_tokens = max_tokens;
    return engine.add(std::move(request), [](const Result<GenerationOutput>&) {});
  };
  PARAPET_ASSIGN(const RequestId running, add(kSteps + 10));
  (void)running;
  for (std::int64_t i = 0; i < num_waiting; ++i) {
    const auto waiting = add(1);
    if (!waiting) return waiting.error();
  }
  std::vector<double> microseconds;
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const EngineStats before = engine.stats();
    engine.step();
    const EngineStats after = engine.stats();
    microseconds.push_back(1e6 * ((after.step_seconds - before.step_seconds) -
                                  (after.model_seconds - before.model_seconds)));
  }
  return median(std::move(microseconds));
}

}  // namespace parapet
