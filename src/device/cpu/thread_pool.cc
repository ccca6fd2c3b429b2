#include "device/cpu/thread_pool.h"

namespace parapet::cpu {
namespace {

// Between two ops of one step pass a few microseconds, less than a sleeping thread needs to wake;
// between two steps pass milliseconds, in which a spinning thread would only take power. Some 20
// to 50 microseconds of spinning separate the two.
constexpr int kSpins = 1000;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until the value differs from `old`: awake for a while, then asleep.
template <class T>
T await_change(const std::atomic<T>& value, T old) {
  for (int spin = 0; spin < kSpins; ++spin) {
    const T now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    pause_cpu();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int num_threads) {
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
  next_item_.store(0, std::memory_order_relaxed);
  busy_workers_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  claim_items(0);
  int busy = busy_workers_.load(std::memory_order_acquire);
  while (busy != 0) busy = await_change(busy_workers_, busy);
}

void ThreadPool::work(int thread) {
  // No worker can miss an epoch: run_job() waits for all of them before it begins another.
  for (std::uint32_t seen = 0;;) {
    seen = await_change(epoch_, seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    claim_items(thread);
    if (busy_workers_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_workers_.notify_one();
  }
}

void ThreadPool::claim_items(int thread) {
  for (;;) {
    const std::int64_t item = next_item_.fetch_add(1, std::memory_order_relaxed);
    if (item >= job_.num_items) return;
    job_.call(job_.fn, item, thread);
  }
}

}  // namespace parapet::cpu
