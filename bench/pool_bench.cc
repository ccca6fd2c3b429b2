// What a job of the thread pool costs beside its work.
//
//   pool_bench --benchmark_repetitions=3
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "device/cpu/cpu_count.h"
#include "device/cpu/thread_pool.h"

namespace parapet {
namespace {

void busy_wait(std::chrono::nanoseconds time) {
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < time) {
  }
}

// What a job costs beyond its work: each thread has 10 us to do, `gap` microseconds after the last
// job. Asked for one thread, all of it would take longer by 10 us for every other thread.
void pool_job(benchmark::State& state) {
  constexpr std::chrono::microseconds kWork{10};
  cpu::ThreadPool pool(cpu::usable_cpus());
  std::vector<double> seconds;
  for (auto _ : state) {
    busy_wait(std::chrono::microseconds(state.range(0)));
    const auto begin = std::chrono::steady_clock::now();
    pool.run(pool.num_threads(), [=](std::int64_t, int) { busy_wait(kWork); });
    const std::chrono::duration<double> extra = std::chrono::steady_clock::now() - begin - kWork;
    seconds.push_back(extra.count());
    state.SetIterationTime(std::max(seconds.back(), 0.0));
  }
  std::ranges::sort(seconds);
  const auto at = [&](double part) {
    return 1e6 * seconds[static_cast<std::size_t>(part * static_cast<double>(seconds.size() - 1))];
  };
  state.counters["median_us"] = at(0.5);
  state.counters["p99_us"] = at(0.99);
}

BENCHMARK(pool_job)
    ->ArgName("gap_us")
    ->Arg(0)
    ->Arg(10)
    ->Arg(50)
    ->Arg(200)
    ->Arg(2000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(2000);

}  // namespace
}  // namespace parapet

BENCHMARK_MAIN();
