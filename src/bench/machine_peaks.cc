#include "bench/machine_peaks.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/huge_pages.h"
#include "bench/statistics.h"

namespace parapet {
namespace {

using Clock = std::chrono::steady_clock;

// Far past any cache that two processors share.
constexpr std::size_t kReadBytes = std::size_t{512} << 20;
constexpr std::size_t kPage = 4096;
constexpr double kComputeSeconds = 0.01;
constexpr int kBursts = 5;
// Bursts of each candidate, whose best one counts: a disturbed burst says nothing of it.
constexpr int kTrials = 8;
constexpr Peak kAllPeaks[] = {Peak::kRead, Peak::kFp32, Peak::kBf16, Peak::kInt8, Peak::kInt4};

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

// From the first start to the last end of fn(thread) on all threads at once.
double seconds_of(int num_threads, const std::function<void(int)>& fn) {
  const std::vector<int> cpus = allowed_cpus();
  const auto count = static_cast<std::size_t>(num_threads);
  std::vector<Clock::time_point> starts(count);
  std::vector<Clock::time_point> ends(count);
  std::atomic<int> waiting{num_threads};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < count; ++t) {
    threads.emplace_back([&, t] {
      if (count <= cpus.size()) pin_to(cpus[t]);
      waiting.fetch_sub(1);
      while (waiting.load() > 0) {
        if (count > cpus.size()) std::this_thread::yield();
      }
      starts[t] = Clock::now();
      fn(static_cast<int>(t));
      ends[t] = Clock::now();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto whole = *std::ranges::max_element(ends) - *std::ranges::min_element(starts);
  return std::chrono::duration<double>(whole).count();
}

// Large pages where the system has them: a kernel cannot do better than that. No two words are
// equal, so that no page can stand for another.
Result<std::byte*> map_random_bytes() {
  void* const mapped =
      mmap(nullptr, kReadBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    return Error{ErrorCode::kResourceExhausted,
                 "no memory for 512 MiB to measure the read bandwidth with"};
  }
  prefer_huge_pages(mapped, kReadBytes);
  auto* const words = static_cast<std::uint64_t*>(mapped);
  std::uint64_t state = 0;
  for (std::size_t i = 0; i < kReadBytes / sizeof(std::uint64_t); ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    words[i] = state;
  }
  return static_cast<std::byte*>(mapped);
}

}  // namespace

const char* peak_name(Peak peak) {
  switch (peak) {
    case Peak::kRead: return "read";
    case Peak::kFp32: return "fp32";
    case Peak::kBf16: return "bf16";
    case Peak::kInt8: return "int8";
    case Peak::kInt4: break;
  }
  return "int4";
}

double& MachinePeaks::of(Peak peak) {
  switch (peak) {
    case Peak::kRead: return read_gb_s;
    case Peak::kFp32: return fp32_gflops;
    case Peak::kBf16: return bf16_gflops;
    case Peak::kInt8: return int8_gops;
    case Peak::kInt4: break;
  }
  return int4_gops;
}

Result<PeakMeter> PeakMeter::create(const std::string& isa, int num_threads) {
  PARAPET_ASSIGN(std::byte* const data, map_random_bytes());
  return PeakMeter(isa, num_threads, data);
}

PeakMeter::PeakMeter(const std::string& isa, int num_threads, std::byte* data)
    : num_threads_(num_threads), data_(data) {
  const PeakLoops loops = peak_loops(isa);
  fp32_ = best(loops.fp32, instructions_.fp32);
  bf16_ = best(loops.bf16, instructions_.bf16);
  int8_ = best(loops.int8, instructions_.int8);
  int4_ = best(loops.int4, instructions_.int4);
  read_ = best(loops.read, instructions_.read);
}

PeakMeter::PeakMeter(PeakMeter&& other) noexcept
    : num_threads_(other.num_threads_),
      data_(std::exchange(other.data_, nullptr)),
      instructions_(std::move(other.instructions_)),
      fp32_(other.fp32_),
      bf16_(other.bf16_),
      int8_(other.int8_),
      int4_(other.int4_),
      read_(other.read_) {}

PeakMeter::~PeakMeter() {
  if (data_ != nullptr) munmap(data_, kReadBytes);
}

template <class Loop>
const Loop& PeakMeter::best(const std::vector<Loop>& loops, std::string& instructions) const {
  std::vector<double> rates(loops.size());
  for (int burst = 0; burst < kTrials && loops.size() > 1; ++burst) {
    for (std::size_t i = 0; i < loops.size(); ++i) {
      double rate = 0;
      if constexpr (std::is_same_v<Loop, ReadLoop>) {
        rate = read(loops[i], num_threads_);
      } else {
        rate = compute(loops[i], num_threads_);
      }
      rates[i] = std::max(rates[i], rate);
    }
  }
  const auto winner = static_cast<std::size_t>(std::ranges::max_element(rates) - rates.begin());
  instructions = loops[winner].instructions;
  return loops[winner];
}

// Steps that take about kComputeSeconds at a sum and a half a nanosecond.
double PeakMeter::compute(const ComputeLoop& loop, int num_threads) const {
  constexpr auto kSteps = static_cast<std::int64_t>(kComputeSeconds * 1e9 * 1.5 / 12);
  const double seconds = seconds_of(num_threads, [&](int) { loop.run(kSteps); });
  return 1e-9 * loop.ops_per_step * static_cast<double>(kSteps) * num_threads / seconds;
}

double PeakMeter::read(const ReadLoop& loop, int num_threads) const {
  const std::size_t pages = kReadBytes / kPage / static_cast<std::size_t>(num_threads);
  const std::size_t share = pages * kPage;
  const double seconds = seconds_of(num_threads, [&](int thread) {
    loop.run(data_ + share * static_cast<std::size_t>(thread), share);
  });
  return 1e-9 * static_cast<double>(share) * num_threads / seconds;
}

double PeakMeter::measure(Peak peak, int num_threads) const {
  switch (peak) {
    case Peak::kFp32: return compute(fp32_, num_threads);
    case Peak::kBf16: return compute(bf16_, num_threads);
    case Peak::kInt8: return compute(int8_, num_threads);
    case Peak::kInt4: return compute(int4_, num_threads);
    case Peak::kRead: break;
  }
  return read(read_, num_threads);
}

MachinePeaks PeakMeter::measure_each(int num_threads) const {
  MachinePeaks peaks{.num_threads = num_threads};
  for (const Peak peak : kAllPeaks) peaks.of(peak) = measure(peak, num_threads);
  return peaks;
}

MachinePeaks PeakMeter::measure_all(int num_threads) const {
  std::vector<MachinePeaks> bursts;
  for (int burst = 0; burst < kBursts; ++burst) bursts.push_back(measure_each(num_threads));
  return median_peaks(bursts);
}

MachinePeaks mean_peaks(const MachinePeaks& a, const MachinePeaks& b) {
  MachinePeaks mean = a;
  for (const Peak peak : kAllPeaks) mean.of(peak) = (a.of(peak) + b.of(peak)) / 2;
  return mean;
}

MachinePeaks median_peaks(std::span<const MachinePeaks> all) {
  MachinePeaks peaks = all.front();
  for (const Peak peak : kAllPeaks) {
    std::vector<double> rates;
    for (const MachinePeaks& one : all) rates.push_back(one.of(peak));
    peaks.of(peak) = median(rates);
  }
  return peaks;
}

}  // namespace parapet
