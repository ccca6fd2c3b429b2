#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/boundary.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "base/memory.h"
#include "bench/bench_engine.h"
#include "bench/kernel_costs.h"
#include "bench/machine_peaks.h"
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

// The meter's memory would count as the engine's: it is there only for as long as it measures.
Result<MachinePeaks> measure_peaks(const DeviceInfo& device) {
  PARAPET_ASSIGN(const PeakMeter meter, PeakMeter::create(device.isa, device.num_threads));
  return meter.measure_each(device.num_threads);
}

// No order of work can be faster on these peaks.
double least_seconds(const ThroughputBenchOptions& options, const ModelConfig& config,
                     const ModelFormats& formats, DType kv_dtype, const MachinePeaks& peaks) {
  const std::int64_t requests = options.num_requests;
  const std::int64_t prompt = options.shared_tokens + options.own_tokens;
  const bool shared_once = options.model.enable_prefix_caching;
  // The last token of a prompt is always computed.
  const std::int64_t own = shared_once ? std::max<std::int64_t>(options.own_tokens, 1) : prompt;
  const auto costs = [&](std::int64_t rows, std::int64_t context) {
    return forward_costs(config, formats,
                         {.rows = requests * rows,
                          .context = context,
                          .logit_rows = requests,
                          .sequences = requests,
                          .kv_dtype = kv_dtype});
  };
  double seconds = limit_seconds(costs(own, prompt), peaks);
  if (shared_once) {
    // In the same pass: weights are read for the others already.
    for (const KernelCost& cost : forward_costs(config, formats,
                                                {.rows = options.shared_tokens,
                                                .context = options.shared_tokens,
                                                .logit_rows = 0,
                                                .kv_dtype = kv_dtype})) {
      seconds += cost.compute_seconds(peaks);
    }
  }
  for (std::int64_t token = 1; token < options.output_tokens; ++token) {
    seconds += limit_seconds(costs(1, prompt + token), peaks);
  }
  return seconds;
}

Result<ThroughputBench> run(const ThroughputBenchOptions& options) {
  PARAPET_TRY(check(options));
  PARAPET_ASSIGN(EngineSetup setup, set_up_bench_engine(options));
  Engine& engine = *setup.engine;
  ThroughputBench bench;
  bench.engine = setup.info;
  bench.resident_bytes_ready = static_cast<std::int64_t>(resident_memory());
  const DeviceInfo& device = setup.device->info();
  PARAPET_ASSIGN(const ModelFormats formats,
                 model_formats(setup.info, setup.engine->model().config()));
  std::vector<double> seconds;
  std::vector<double> of_limit;
  std::vector<MachinePeaks> peaks;
  PARAPET_ASSIGN(MachinePeaks before, measure_peaks(device));
  for (int round = 0; round < options.rounds; ++round) {
    engine.reset_prefix_cache();
    auto requests = make_requests(options, engine.limits().vocab_size);
    const Stopwatch watch;
    PARAPET_ASSIGN(const auto answers, run_timed(engine, std::move(requests)));
    seconds.push_back(watch.milliseconds() / 1000);
    PARAPET_ASSIGN(const MachinePeaks after, measure_peaks(device));
    peaks.push_back(mean_peaks(before, after));
    before = after;
    of_limit.push_back(least_seconds(options, engine.model().config(), formats,
                                     engine.limits().kv_cache_dtype, peaks.back()) /
                       seconds.back());
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
  bench.peaks = median_peaks(peaks);
  bench.seconds = median(seconds);
  bench.of_limit = median(of_limit);
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
