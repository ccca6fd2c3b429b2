#include <string>
#include <utility>
#include <vector>

#include "api/boundary.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "base/memory.h"
#include "bench/bench_engine.h"
#include "bench/statistics.h"
#include "parapet/bench.h"

namespace parapet {
namespace {

std::vector<GenerationRequest> make_requests(const ThroughputBenchOptions& options,
                                             std::int64_t vocab_size) {
  std::mt19937_64 random(20261122);
  const auto shared = random_tokens(random, options.shared_tokens, vocab_size);
  std::vector<GenerationRequest> requests(static_cast<std::size_t>(options.num_requests));
  for (GenerationRequest& request : requests) {
    request.prompt = shared;
    const auto own = random_tokens(random, options.own_tokens, vocab_size);
    request.prompt.insert(request.prompt.end(), own.begin(), own.end());
    request.max_tokens = options.output_tokens;
  }
  return requests;
}

Status check(const ThroughputBenchOptions& options) {
  if (options.num_requests >= 1 && options.shared_tokens >= 0 && options.own_tokens >= 0 &&
      options.shared_tokens + options.own_tokens >= 1 && options.output_tokens >= 1) {
    return {};
  }
  return Error{ErrorCode::kInvalidArgument,
               "num_requests, output_tokens and the prompt's tokens must be 1 or more"};
}

Result<ThroughputBench> run(const ThroughputBenchOptions& options) {
  PARAPET_TRY(check(options));
  PARAPET_ASSIGN(EngineSetup setup, set_up_bench_engine(options));
  Engine& engine = *setup.engine;
  ThroughputBench bench;
  bench.engine = setup.info;
  bench.resident_bytes_ready = static_cast<std::int64_t>(resident_memory());
  std::vector<double> seconds;
  for (int round = 0; round < options.rounds; ++round) {
    engine.reset_prefix_cache();
    auto requests = make_requests(options, engine.limits().vocab_size);
    const Stopwatch watch;
    PARAPET_ASSIGN(const auto answers, run_timed(engine, std::move(requests)));
    seconds.push_back(watch.milliseconds() / 1000);
    bench.resident_bytes_last = static_cast<std::int64_t>(resident_memory());
    if (round == 0) bench.resident_bytes_first = bench.resident_bytes_last;
    if (options.model.on_progress) {
      options.model.on_progress("measuring throughput", static_cast<std::uint64_t>(round) + 1,
                                static_cast<std::uint64_t>(options.rounds));
    }
  }
  const EngineStats stats = engine.stats();
  const auto requests = static_cast<double>(options.num_requests);
  const auto prompt = static_cast<double>(options.shared_tokens + options.own_tokens);
  bench.seconds = median(seconds);
  bench.requests_per_second = requests / bench.seconds;
  bench.prompt_tokens_per_second = requests * prompt / bench.seconds;
  bench.output_tokens_per_second =
      requests * static_cast<double>(options.output_tokens) / bench.seconds;
  bench.prefix_hit_rate = static_cast<double>(stats.scheduler.prefix_hits) /
                          static_cast<double>(stats.scheduler.prefix_queries);
  bench.preemptions = stats.scheduler.num_preemptions;
  bench.steps = stats.num_steps;
  return bench;
}

}  // namespace

Result<ThroughputBench> bench_throughput(const ThroughputBenchOptions& options) {
  return guarded([&] { return run(options); });
}

}  // namespace parapet
