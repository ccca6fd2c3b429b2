#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/boundary.h"
#include "api/model_weights.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/refusal.h"
#include "bench/bench_engine.h"
#include "bench/kernel_costs.h"
#include "bench/machine_peaks.h"
#include "bench/statistics.h"
#include "bench/verdict_workload.h"
#include "parapet/bench.h"

namespace parapet {
namespace {

constexpr std::int64_t kAnswer = VerdictWorkload::kAnswerTokens;

// What was measured of one kind, and how it compares with what the peaks allowed at that time.
struct Series {
  std::vector<double> milliseconds;
  std::vector<double> of_limit;

  void add(double ms, double limit_seconds) {
    milliseconds.push_back(ms);
    of_limit.push_back(1000 * limit_seconds / ms);
  }
};

class LatencyBenchRun {
 public:
  explicit LatencyBenchRun(const LatencyBenchOptions& options) : options_(options) {
    bench_.cached_tokens = options.cached_tokens;
    bench_.new_tokens = options.new_tokens;
  }

  Result<LatencyBench> run() {
    PARAPET_TRY(start());
    PARAPET_TRY(first_verdict());
    remember_memory();
    const DeviceInfo& device = setup_.device->info();
    PARAPET_ASSIGN(const PeakMeter meter, PeakMeter::create(device.isa, device.num_threads));
    MachinePeaks before = meter.measure_each(device.num_threads);
    for (int round = 0; round < options_.rounds; ++round) {
      PARAPET_TRY(measure_round(meter, before));
      tell_progress(round + 1);
    }
    summarize();
    return std::move(bench_);
  }

 private:
  Engine& engine() { return *setup_.engine; }
  const ModelConfig& config() { return engine().model().config(); }
  bool dummy() const { return is_dummy(options_.model); }

  Status set_up() {
    setup_ = {};  // two models at once may be too much
    PARAPET_ASSIGN(setup_, set_up_bench_engine(options_));
    return {};
  }

  // The first thing that this process does with its weights.
  Status start() {
    const Stopwatch watch;
    PARAPET_TRY(set_up());
    bench_.ready_seconds = watch.milliseconds() / 1000;
    VerdictBenchOptions shape;
    shape.policy_tokens = options_.cached_tokens;
    shape.text_tokens = options_.new_tokens;
    shape.tail_tokens = 0;
    workload_ = std::make_unique<VerdictWorkload>(shape, engine().limits().vocab_size);
    bench_.prompt_token_ids = workload_->conversation();
    GenerationRequest one_token;
    one_token.prompt = {bench_.prompt_token_ids.front()};
    one_token.max_tokens = 1;
    PARAPET_ASSIGN(const TimedAnswer first, run_timed(engine(), std::move(one_token)));
    (void)first;
    bench_.first_token_seconds = watch.milliseconds() / 1000;
    bench_.engine = setup_.info;
    PARAPET_ASSIGN(formats_, model_formats(setup_.info, config()));
    return {};
  }

  // The answer must be known to be drafted, so that the engine that gives it is another one.
  Status first_verdict() {
    PARAPET_ASSIGN(const TimedAnswer greedy,
                   run_timed(engine(), workload_->request(bench_.prompt_token_ids, kAnswer)));
    bench_.answer_token_ids = greedy.output.token_ids;
    if (!dummy()) {
      const Stopwatch watch;
      PARAPET_TRY(set_up());
      PARAPET_ASSIGN(const TimedAnswer verdict, run_timed(engine(), safe_request()));
      bench_.first_verdict_seconds = watch.milliseconds() / 1000;
      if (verdict.output.token_ids != bench_.answer_token_ids) return disagreement();
    }
    PARAPET_ASSIGN(const TimedAnswer policy, run_timed(engine(), workload_->policy()));
    (void)policy;
    return {};
  }

  GenerationRequest safe_request() {
    GenerationRequest request = workload_->request(bench_.prompt_token_ids, kAnswer);
    request.plan = VerdictWorkload::safe_plan(bench_.answer_token_ids);
    return request;
  }

  static Error disagreement() {
    return {ErrorCode::kInternal, "a drafted answer differs from the greedy one"};
  }

  void remember_memory() {
    const EngineInfo& info = bench_.engine;
    bench_.resident_bytes = static_cast<std::int64_t>(resident_memory());
    bench_.peak_resident_bytes = static_cast<std::int64_t>(peak_resident_memory());
    bench_.memory_of_limit = static_cast<double>(info.weight_bytes + info.kv_cache_bytes) /
                             static_cast<double>(bench_.peak_resident_bytes);
  }

  // `before`: the peaks as the last round left them; afterwards, as this one does.
  Status measure_round(const PeakMeter& meter, MachinePeaks& before) {
    PARAPET_ASSIGN(const TimedAnswer greedy,
                   run_timed(engine(), workload_->request(bench_.prompt_token_ids, kAnswer)));
    PARAPET_ASSIGN(const TimedAnswer verdict, run_timed(engine(), safe_request()));
    if (verdict.output.token_ids != greedy.output.token_ids) return disagreement();
    const MachinePeaks after = meter.measure_each(meter.num_threads());
    const MachinePeaks peaks = mean_peaks(before, after);
    before = after;
    peaks_.push_back(peaks);

    prefill_.add(greedy.output.timing.prefill_ms, limit_seconds(prefill_costs(), peaks));
    decode_.add(greedy.output.timing.decode_ms / (kAnswer - 1),
                limit_seconds(decode_costs(), peaks));
    verdict_.add(verdict.milliseconds, limit_seconds(verdict_costs(), peaks));
    greedy_.push_back(greedy.milliseconds);
    passes_ += verdict.output.num_passes;
    return {};
  }

  std::vector<KernelCost> costs(std::int64_t rows, std::int64_t context, std::int64_t logit_rows) {
    return forward_costs(config(), formats_,
                         {.rows = rows,
                          .context = context,
                          .logit_rows = logit_rows,
                          .kv_dtype = engine().limits().kv_cache_dtype});
  }
  std::int64_t prompt_tokens() const { return options_.cached_tokens + options_.new_tokens; }
  std::vector<KernelCost> prefill_costs() { return costs(options_.new_tokens, prompt_tokens(), 1); }
  std::vector<KernelCost> decode_costs() { return costs(1, prompt_tokens() + kAnswer / 2, 1); }
  // The last token of the answer ends it, and is not computed.
  std::vector<KernelCost> verdict_costs() {
    return costs(options_.new_tokens + kAnswer - 1, prompt_tokens() + kAnswer - 1, kAnswer);
  }

  void summarize() {
    bench_.peaks = median_peaks(peaks_);
    bench_.prefill = percentiles(prefill_.milliseconds);
    bench_.prefill_gops = 1e-6 * total(prefill_costs()).ops / bench_.prefill.p50;
    bench_.prefill_of_limit = median(prefill_.of_limit);
    bench_.decode = percentiles(decode_.milliseconds);
    bench_.decode_tokens_per_second = 1000 / bench_.decode.p50;
    bench_.decode_gb_s = 1e-6 * total(decode_costs()).bytes / bench_.decode.p50;
    bench_.decode_of_limit = median(decode_.of_limit);
    bench_.verdict = percentiles(verdict_.milliseconds);
    bench_.verdict_of_limit = median(verdict_.of_limit);
    bench_.verdict_passes = static_cast<double>(passes_) / options_.rounds;
    bench_.greedy = percentiles(greedy_);
  }

  void tell_progress(int rounds_done) {
    if (!options_.model.on_progress) return;
    options_.model.on_progress("measuring latency", static_cast<std::uint64_t>(rounds_done),
                               static_cast<std::uint64_t>(options_.rounds));
  }

  const LatencyBenchOptions& options_;
  EngineSetup setup_;
  ModelFormats formats_;
  std::unique_ptr<VerdictWorkload> workload_;
  LatencyBench bench_;
  std::vector<MachinePeaks> peaks_;
  Series prefill_;
  Series decode_;
  Series verdict_;
  std::vector<double> greedy_;
  std::int64_t passes_ = 0;
};

Status check(const LatencyBenchOptions& options) {
  PARAPET_TRY(check_range("cached_tokens", options.cached_tokens, 1, 1 << 20));
  return check_range("new_tokens", options.new_tokens, 1, 1 << 20);
}

}  // namespace

Result<LatencyBench> bench_latency(const LatencyBenchOptions& options) {
  return guarded([&]() -> Result<LatencyBench> {
    PARAPET_TRY(check(options));
    return LatencyBenchRun(options).run();
  });
}

}  // namespace parapet
