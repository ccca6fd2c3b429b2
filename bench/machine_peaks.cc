#include "bench/machine_peaks.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <type_traits>
#include <vector>

namespace parapet {
namespace {

constexpr int kRepetitions = 7;
constexpr std::int64_t kMultiplyAddSteps = 4'000'000;
constexpr int kChains = 12;  // independent, to cover the latency of each
constexpr std::size_t kReadBytes = std::size_t{512} << 20;

typedef float Vec128 __attribute__((vector_size(16)));
typedef float Vec256 __attribute__((vector_size(32)));
typedef float Vec512 __attribute__((vector_size(64)));

// The project's flags forbid contraction; here it is what is measured.
#if defined(__clang__)
#define PARAPET_CONTRACT
#pragma clang fp contract(fast)
#else
#define PARAPET_CONTRACT [[gnu::optimize("fp-contract=fast")]]
#endif

// Multiplies and adds, fused where the target can. Always inlined: it must be compiled for the
// instruction set of whoever calls it. Each read of a volatile may differ from the last, so no
// chain can be computed in advance or shared with another.
template <class Vec>
[[gnu::always_inline]] inline float multiply_add(const Vec& zero) {
  volatile float seed = 0.999F;
  std::remove_cvref_t<Vec> sums[kChains];
  for (auto& sum : sums) sum = zero + seed;
  const std::remove_cvref_t<Vec> factor = zero + seed;
  const std::remove_cvref_t<Vec> term = zero + seed;
  for (std::int64_t step = 0; step < kMultiplyAddSteps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = sums[i] * factor + term;
  }
  float total = 0.0F;
  for (const auto& sum : sums) total += sum[0];
  return total;
}

PARAPET_CONTRACT float multiply_add_128() { return multiply_add(Vec128{}); }
#if defined(__x86_64__)
PARAPET_CONTRACT __attribute__((target("avx2,fma"))) float multiply_add_256() {
  return multiply_add(Vec256{});
}
PARAPET_CONTRACT __attribute__((target("avx512f"))) float multiply_add_512() {
  return multiply_add(Vec512{});
}
#endif

// One load of each cache line is enough to make it come.
std::uint64_t read_lines(const std::vector<std::uint64_t>& data, std::size_t begin,
                         std::size_t end) {
  std::uint64_t total = 0;
  for (std::size_t i = begin; i < end; i += 8) total += data[i];
  return total;
}

// The median time of fn(thread) on all threads at once.
double seconds(int num_threads, const std::function<void(int)>& fn) {
  std::vector<double> times;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (int t = 1; t < num_threads; ++t) threads.emplace_back(fn, t);
    fn(0);
    for (std::thread& thread : threads) thread.join();
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::nth_element(times, times.begin() + kRepetitions / 2);
  return times[kRepetitions / 2];
}

}  // namespace

MachinePeaks measure_machine_peaks(const std::string& isa, int num_threads) {
  float (*run)() = multiply_add_128;
  double lanes = 4;
#if defined(__x86_64__)
  if (isa == "avx2") run = multiply_add_256, lanes = 8;
  if (isa == "avx512") run = multiply_add_512, lanes = 16;
#endif
  MachinePeaks peaks;
  volatile float float_sink = 0.0F;
  const double flops = 2.0 * lanes * kChains * static_cast<double>(kMultiplyAddSteps);
  const double compute = seconds(num_threads, [&](int) { float_sink = run(); });
  peaks.gflops = 1e-9 * flops * num_threads / compute;

  const std::vector<std::uint64_t> data(kReadBytes / sizeof(std::uint64_t), 1);
  const std::size_t share = data.size() / static_cast<std::size_t>(num_threads) / 8 * 8;
  volatile std::uint64_t sink = 0;
  const double read = seconds(num_threads, [&](int thread) {
    const std::size_t begin = share * static_cast<std::size_t>(thread);
    sink = read_lines(data, begin, begin + share);
  });
  peaks.read_gbs = 1e-9 * static_cast<double>(share) * sizeof(std::uint64_t) * num_threads / read;
  return peaks;
}

}  // namespace parapet
