#include "device/cpu/thread_pool.h"

#include "device/cpu/cpu_count.h"

namespace parapet::cpu {
namespace {

// The gate's other bits count the workers inside.
constexpr std::uint32_t kOpen = std::uint32_t{1} << 31;

// Looks at a value between two looks at the clock, which takes longer.
constexpr int kLooks = 32;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // `yield` does nothing on most cores
#endif
}

}  // namespace

// Threads that outnumber the CPUs give theirs away at once: another one has the work.
ThreadPool::ThreadPool(int num_threads)
    : pins_(num_threads), awake_(num_threads <= usable_cpus() ? kAwake : kAwake.zero()) {
  for (int thread = 1; thread < num_threads; ++thread) {
    workers_.emplace_back([this, thread] { work(thread); });
  }
}

ThreadPool::~ThreadPool() {
  stopping_.store(true, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_job() {
  pins_.place_caller();
  next_item_.store(0, std::memory_order_relaxed);
  gate_.fetch_or(kOpen, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  claim_items(0);
  // Nobody joins from here on; who is inside has items to finish.
  std::uint32_t inside = gate_.fetch_and(~kOpen, std::memory_order_acquire) & ~kOpen;
  while (inside != 0) inside = await_change(gate_, inside);
}

void ThreadPool::work(int thread) {
  pins_.pin_worker(thread);
  for (std::uint32_t seen = 0;;) {
    seen = await_change(epoch_, seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    join_job(thread);
  }
}

// A worker that comes late finds the gate closed, or the job after the one that woke it.
void ThreadPool::join_job(int thread) {
  if ((gate_.fetch_add(1, std::memory_order_acquire) & kOpen) != 0) claim_items(thread);
  // What was just subtracted from may have been the last.
  if ((gate_.fetch_sub(1, std::memory_order_release) & kOpen) == 0) gate_.notify_one();
}

void ThreadPool::claim_items(int thread) {
  for (;;) {
    const std::int64_t item = next_item_.fetch_add(1, std::memory_order_relaxed);
    if (item >= job_.num_items) return;
    job_.call(job_.fn, item, thread);
  }
}

std::uint32_t ThreadPool::await_change(const std::atomic<std::uint32_t>& value,
                                       std::uint32_t old) const {
  std::chrono::steady_clock::time_point bedtime{};
  for (;;) {
    for (int look = 0; look < kLooks; ++look) {
      const std::uint32_t seen = value.load(std::memory_order_acquire);
      if (seen != old) return seen;
      pause_cpu();
    }
    const auto now = std::chrono::steady_clock::now();
    if (bedtime == std::chrono::steady_clock::time_point{}) bedtime = now + awake_;
    if (now >= bedtime) break;
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace parapet::cpu
