// The CPU ops beside what this machine can do: GFLOP/s against fused multiply-adds in registers,
// GB/s against plain reads of memory, both measured by the same run.
//
//   ops_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
//
// Medians count: a shared machine has slow moments.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/machine_peaks.h"
#include "device/cpu/cpu_device.h"
#include "device/cpu/thread_pool.h"
#include "device/ops.h"

namespace parapet {
namespace {

// The device of PARAPET_FORCE_ISA and PARAPET_BENCH_THREADS.
Device& device() {
  static const std::unique_ptr<Device> made = [] {
    const char* const threads = std::getenv("PARAPET_BENCH_THREADS");
    auto result = create_cpu_device({.num_threads = threads == nullptr ? 0 : std::atoi(threads)});
    if (!result) {
      std::fprintf(stderr, "%s\n", result.error().message.c_str());
      std::exit(2);
    }
    return std::move(result).value();
  }();
  return *made;
}

const MachinePeaks& peaks() {
  static const MachinePeaks measured =
      measure_machine_peaks(device().info().isa, device().info().num_threads);
  return measured;
}

struct LinearShape {
  const char* name;
  std::int64_t in;
  std::int64_t out;
};

// Qwen3 0.6B and 4B.
constexpr LinearShape kShapes[] = {
    {"0.6B qkv", 1024, 4096}, {"0.6B gate_up", 1024, 6144}, {"0.6B down", 3072, 1024},
    {"4B qkv", 2560, 6144},   {"4B gate_up", 2560, 19456},  {"4B down", 9728, 2560},
};

// Enough copies of a weight that none is still in cache when its turn comes again.
class Weights {
 public:
  explicit Weights(const LinearShape& shape) {
    constexpr std::size_t kMoreThanCaches = std::size_t{192} << 20;
    const auto elements = static_cast<std::size_t>(shape.in * shape.out);
    const std::size_t copies = kMoreThanCaches / (2 * elements) + 1;
    bits_.assign(copies * elements, 0x3c23);  // bfloat16 0.00995
    for (std::size_t i = 0; i < copies; ++i) {
      const TensorView part(bits_.data() + i * elements, DType::kBF16, {shape.out, shape.in});
      linears_.push_back(device().load_linear({&part, 1}).value());
    }
  }
  const LinearWeight& next() { return *linears_[turn_++ % linears_.size()]; }

 private:
  std::vector<std::uint16_t> bits_;
  std::vector<std::unique_ptr<LinearWeight>> linears_;
  std::size_t turn_ = 0;
};

void linear(benchmark::State& state, const LinearShape& shape) {
  const std::int64_t rows = state.range(0);
  Weights weights(shape);
  std::vector<float> x(static_cast<std::size_t>(rows * shape.in), 0.5F);
  std::vector<float> scale(static_cast<std::size_t>(shape.in), 1.0F);
  std::vector<float> out(static_cast<std::size_t>(rows * shape.out));
  const TensorView x_view(x.data(), DType::kF32, {rows, shape.in});
  const TensorView out_view(out.data(), DType::kF32, {rows, shape.out});
  const Norm norm{.scale = TensorView(scale.data(), DType::kF32, {shape.in})};
  const auto stream = device().create_stream().value();
  for (auto _ : state) {
    device().ops().norm_linear(*stream, x_view, norm, weights.next(), out_view);
  }
  if (!stream->synchronize()) state.SkipWithError("the op failed");

  const double calls = static_cast<double>(state.iterations());
  const double gflop = 2e-9 * static_cast<double>(rows * shape.in * shape.out) * calls;
  const double gigabytes = 2e-9 * static_cast<double>(shape.in * shape.out) * calls;
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(gflop, Counter::kIsRate);
  state.counters["of_flops"] = Counter(gflop / peaks().gflops, Counter::kIsRate);
  state.counters["GB/s"] = Counter(gigabytes, Counter::kIsRate);
  state.counters["of_read"] = Counter(gigabytes / peaks().read_gbs, Counter::kIsRate);
}

// Attention of Qwen3 0.6B: `queries` tokens at the end of `context` ones.
void attention(benchmark::State& state) {
  const auto queries = static_cast<int>(state.range(0));
  const auto context = static_cast<int>(state.range(1));
  const HeadShape shape{.num_heads = 16, .num_kv_heads = 8, .head_dim = 128};
  const int blocks = (context + 15) / 16;
  const auto cache = device()
                         .create_kv_cache({.num_layers = 1,
                                           .num_blocks = blocks,
                                           .block_size = 16,
                                           .num_kv_heads = shape.num_kv_heads,
                                           .head_dim = shape.head_dim})
                         .value();
  const auto stream = device().create_stream().value();
  std::vector<std::int32_t> slots(static_cast<std::size_t>(context));
  for (int i = 0; i < context; ++i) slots[static_cast<std::size_t>(i)] = i;
  std::vector<float> qkv(static_cast<std::size_t>(context) * 32 * 128, 0.25F);
  std::vector<float> angles(static_cast<std::size_t>(context) * 128, 0.5F);
  std::vector<float> q(static_cast<std::size_t>(context) * 16 * 128);
  std::vector<float> out(static_cast<std::size_t>(queries) * 16 * 128);
  device().ops().qk_norm_rope_store_kv(*stream, {qkv.data(), DType::kF32, {context, 32 * 128}},
                                       shape, {}, {}, {angles.data(), DType::kF32, {context, 128}},
                                       {slots.data(), DType::kI32, {context}}, *cache, 0,
                                       {q.data(), DType::kF32, {context, 16 * 128}});

  std::int32_t starts[] = {0, queries};
  std::int32_t lens[] = {context};
  const TensorView per_token(slots.data(), DType::kI32, {queries});
  const BatchView batch{.token_ids = per_token,
                        .positions = per_token,
                        .slot_mapping = per_token,
                        .query_start = {starts, DType::kI32, {2}},
                        .context_lens = {lens, DType::kI32, {1}},
                        .block_tables = {slots.data(), DType::kI32, {1, blocks}},
                        .max_query_len = queries,
                        .max_context_len = context};
  for (auto _ : state) {
    device().ops().paged_attention(*stream, {q.data(), DType::kF32, {queries, 16 * 128}}, shape,
                                   *cache, 0, batch, 0.088F,
                                   {out.data(), DType::kF32, {queries, 16 * 128}});
  }
  if (!stream->synchronize()) state.SkipWithError("the op failed");

  const double pairs = queries * (context - 0.5 * (queries - 1));
  const double gflop = 4e-9 * pairs * 16 * 128 * static_cast<double>(state.iterations());
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(gflop, Counter::kIsRate);
  state.counters["of_flops"] = Counter(gflop / peaks().gflops, Counter::kIsRate);
}

void busy_wait(std::chrono::nanoseconds time) {
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < time) {
  }
}

// What a job costs beyond its work: each thread has 10 us to do, `gap` microseconds after the last
// job. Asked for one thread, all of it would take longer by 10 us for every other thread.
void pool_job(benchmark::State& state) {
  constexpr std::chrono::microseconds kWork{10};
  cpu::ThreadPool pool(device().info().num_threads);
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

void register_benchmarks() {
  auto* const pool = benchmark::RegisterBenchmark("pool/gap_us", pool_job);
  for (const std::int64_t gap : {0, 10, 50, 200, 2000}) pool->Arg(gap);
  pool->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(2000);
  for (const LinearShape& shape : kShapes) {
    auto* const bench =
        benchmark::RegisterBenchmark((std::string("linear/") + shape.name).c_str(),
                                     [&shape](benchmark::State& state) { linear(state, shape); });
    for (const std::int64_t rows : {1, 4, 16, 160, 512}) bench->Arg(rows);
    bench->UseRealTime()->Unit(benchmark::kMicrosecond);
  }
  benchmark::RegisterBenchmark("attention/0.6B", attention)
      ->Args({1, 512})
      ->Args({1, 4096})
      ->Args({160, 160})
      ->Args({512, 512})
      ->Args({512, 4096})
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

}  // namespace
}  // namespace parapet

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const parapet::DeviceInfo& info = parapet::device().info();
  benchmark::AddCustomContext("isa", info.isa);
  benchmark::AddCustomContext("threads", std::to_string(info.num_threads));
  benchmark::AddCustomContext("peak GFLOP/s", std::to_string(parapet::peaks().gflops));
  benchmark::AddCustomContext("read GB/s", std::to_string(parapet::peaks().read_gbs));
  parapet::register_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
