#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/boundary.h"
#include "base/check.h"
#include "base/refusal.h"
#include "bench/bench_engine.h"
#include "bench/statistics.h"
#include "bench/step_overhead.h"
#include "bench/verdict_workload.h"
#include "parapet/bench.h"

namespace parapet {
namespace {

// Everything is measured in rounds, each kind once a round, so that a machine's moods fall on all.
class VerdictBenchRun {
 public:
  VerdictBenchRun(const VerdictBenchOptions& options, EngineSetup setup)
      : options_(options),
        setup_(std::move(setup)),
        workload_(options, setup_.engine->limits().vocab_size) {}

  Result<VerdictBench> run() {
    PARAPET_ASSIGN(const TimedAnswer policy, run_timed(engine(), workload_.policy()));
    (void)policy;
    for (int round = 0; round < options_.rounds; ++round) {
      PARAPET_TRY(measure_alone());
      PARAPET_TRY(measure_together());
      if (options_.model.on_progress) {
        options_.model.on_progress("measuring verdicts", static_cast<std::uint64_t>(round) + 1,
                                   static_cast<std::uint64_t>(options_.rounds));
      }
    }
    return summary();
  }

 private:
  Engine& engine() { return *setup_.engine; }

  Status measure_alone() {
    const auto prompt = workload_.conversation();
    PARAPET_ASSIGN(const TimedAnswer forward, run_timed(engine(), workload_.request(prompt, 1)));
    PARAPET_ASSIGN(const TimedAnswer greedy,
                   run_timed(engine(), workload_.request(prompt, VerdictWorkload::kAnswerTokens)));
    const std::vector<TokenId>& answer = greedy.output.token_ids;

    GenerationRequest safe = workload_.request(prompt, VerdictWorkload::kAnswerTokens);
    safe.plan = VerdictWorkload::safe_plan(answer);
    PARAPET_ASSIGN(const TimedAnswer as_drafted, run_timed(engine(), std::move(safe)));
    PARAPET_ASSIGN(
        const TimedAnswer named,
        run_timed(engine(), workload_.request(prompt, VerdictWorkload::kCategoryAnswerTokens)));
    GenerationRequest unsafe = workload_.request(prompt, VerdictWorkload::kCategoryAnswerTokens);
    unsafe.plan = workload_.category_plan(named.output.token_ids);
    PARAPET_ASSIGN(const TimedAnswer on_branch, run_timed(engine(), std::move(unsafe)));
    if (as_drafted.output.token_ids != answer ||
        on_branch.output.token_ids != named.output.token_ids) {
      return Error{ErrorCode::kInternal, "a drafted answer differs from the greedy one"};
    }
    uncached_ = forward.output.usage.prompt_tokens - forward.output.usage.cached_tokens;
    forward_.push_back(forward.milliseconds);
    greedy_.push_back(greedy.milliseconds);
    safe_.push_back(as_drafted.milliseconds);
    category_.push_back(on_branch.milliseconds);
    greedy_category_.push_back(named.milliseconds);
    greedy_over_category_.push_back(named.milliseconds / on_branch.milliseconds);
    safe_over_forward_.push_back(as_drafted.milliseconds / forward.milliseconds);
    greedy_over_safe_.push_back(greedy.milliseconds / as_drafted.milliseconds);
    passes_safe_ += as_drafted.output.num_passes;
    passes_category_ += on_branch.output.num_passes;
    return {};
  }

  Status measure_together() {
    const auto count = static_cast<std::size_t>(options_.concurrency);
    std::vector<GenerationRequest> greedy(count);
    std::vector<GenerationRequest> safe(count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto prompt = workload_.conversation();
      greedy[i] = workload_.request(prompt, VerdictWorkload::kAnswerTokens);
      safe[i] = workload_.request(prompt, VerdictWorkload::kAnswerTokens);
    }
    PARAPET_ASSIGN(const auto greedy_answers, run_timed(engine(), std::move(greedy)));
    for (std::size_t i = 0; i < safe.size(); ++i) {
      safe[i].plan = VerdictWorkload::safe_plan(greedy_answers[i].output.token_ids);
    }
    PARAPET_ASSIGN(const auto safe_answers, run_timed(engine(), std::move(safe)));
    double last_greedy = 0;
    double last_safe = 0;
    for (std::size_t i = 0; i < safe_answers.size(); ++i) {
      greedy_together_.push_back(greedy_answers[i].milliseconds);
      safe_together_.push_back(safe_answers[i].milliseconds);
      last_greedy = std::max(last_greedy, greedy_answers[i].milliseconds);
      last_safe = std::max(last_safe, safe_answers[i].milliseconds);
    }
    together_ratio_.push_back(last_greedy / last_safe);
    return {};
  }

  Result<VerdictBench> summary() {
    VerdictBench bench;
    const auto rounds = static_cast<double>(options_.rounds);
    bench.engine = setup_.info;
    bench.uncached_tokens = uncached_;
    bench.forward = percentiles(forward_);
    bench.safe = percentiles(safe_);
    bench.one_category = percentiles(category_);
    bench.greedy = percentiles(greedy_);
    bench.greedy_one_category = percentiles(greedy_category_);
    bench.safe_concurrent = percentiles(safe_together_);
    bench.greedy_concurrent = percentiles(greedy_together_);
    bench.passes_safe = static_cast<double>(passes_safe_) / rounds;
    bench.passes_one_category = static_cast<double>(passes_category_) / rounds;
    const SchedulerStats stats = engine().stats().scheduler;
    // The policy's own computation is no hit.
    bench.prefix_hit_rate = static_cast<double>(stats.prefix_hits) /
                            static_cast<double>(stats.prefix_queries - options_.policy_tokens);
    bench.verdict_over_forward = median(safe_over_forward_);
    bench.greedy_over_verdict = median(greedy_over_safe_);
    bench.greedy_over_verdict_one_category = median(greedy_over_category_);
    bench.greedy_over_verdict_concurrent = median(together_ratio_);
    PARAPET_ASSIGN(bench.step_overhead_us, step_overhead_us(options_.model, 0));
    PARAPET_ASSIGN(bench.step_overhead_us_queued, step_overhead_us(options_.model, 1000));
    return bench;
  }

  const VerdictBenchOptions& options_;
  EngineSetup setup_;
  VerdictWorkload workload_;
  std::int64_t uncached_ = 0;
  std::int64_t passes_safe_ = 0;
  std::int64_t passes_category_ = 0;
  std::vector<double> forward_;
  std::vector<double> greedy_;
  std::vector<double> safe_;
  std::vector<double> category_;
  std::vector<double> greedy_category_;
  std::vector<double> greedy_over_category_;
  std::vector<double> safe_over_forward_;
  std::vector<double> greedy_over_safe_;
  std::vector<double> greedy_together_;
  std::vector<double> safe_together_;
  std::vector<double> together_ratio_;
};

Status check(const VerdictBenchOptions& options) {
  const std::pair<const char*, std::int64_t> sizes[] = {{"policy_tokens", options.policy_tokens},
                                                        {"text_tokens", options.text_tokens},
                                                        {"tail_tokens", options.tail_tokens},
                                                        {"concurrency", options.concurrency}};
  for (const auto& [name, value] : sizes) {
    PARAPET_TRY(check_range(name, value, 1, 1 << 20));
  }
  return {};
}

}  // namespace

Result<VerdictBench> bench_verdict(const VerdictBenchOptions& options) {
  return guarded([&]() -> Result<VerdictBench> {
    PARAPET_TRY(check(options));
    PARAPET_ASSIGN(EngineSetup setup, set_up_bench_engine(options));
    return VerdictBenchRun(options, std::move(setup)).run();
  });
}

}  // namespace parapet
