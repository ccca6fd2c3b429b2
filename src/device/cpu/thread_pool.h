// Threads that work on the items of one job at a time, the caller being one of them.
//
// Workers wait awake for the next job as long as one follows within kAwake of the last, and sleep
// when none does. A job never waits for a worker that still sleeps: those that are awake take its
// items, and it ends when the last of them is done.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "device/cpu/cpu_pins.h"

namespace parapet::cpu {

class ThreadPool {
 public:
  // Between two ops pass microseconds, between two steps of a busy engine tens of them, less than
  // a sleeping thread needs to wake. An idle engine costs its workers this much once.
  static constexpr std::chrono::microseconds kAwake{100};

  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return static_cast<int>(workers_.size()) + 1; }
  // Whether each worker keeps to a CPU of its own; cpu_pins.h says when.
  bool pinned() const { return pins_.pinned(); }

  // Calls fn(item, thread) once for each item in [0, num_items), thread in [0, num_threads()), and
  // returns when all are done. Threads claim items as they become free, so no result may depend on
  // which thread took an item. fn must not throw and must not call run(). Callers take turns.
  template <class Fn>
  void run(std::int64_t num_items, const Fn& fn) {
    if (num_items <= 0) return;
    const std::lock_guard<std::mutex> turn(turn_);
    if (num_items == 1 || workers_.empty()) {
      for (std::int64_t item = 0; item < num_items; ++item) fn(item, 0);
      return;
    }
    job_.fn = &fn;
    job_.call = [](const void* untyped, std::int64_t item, int thread) {
      (*static_cast<const Fn*>(untyped))(item, thread);
    };
    job_.num_items = num_items;
    run_job();
  }

 private:
  // Threads write these at the same time: each has a cache line of its own.
  static constexpr std::size_t kCacheLine = 64;

  struct Job {
    const void* fn = nullptr;
    void (*call)(const void* fn, std::int64_t item, int thread) = nullptr;
    std::int64_t num_items = 0;
  };

  void run_job();
  void work(int thread);
  void join_job(int thread);
  void claim_items(int thread);

  // Waits until the value differs from `old`: awake for a while, then asleep.
  std::uint32_t await_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) const;

  std::mutex turn_;
  CpuPins pins_;
  std::chrono::nanoseconds awake_;
  Job job_;  // written while the gate is closed and nobody is inside
  std::atomic<bool> stopping_{false};
  alignas(kCacheLine) std::atomic<std::uint32_t> epoch_{0};  // counts jobs
  // Whether workers may join the job, and how many are at work on it.
  alignas(kCacheLine) std::atomic<std::uint32_t> gate_{0};
  alignas(kCacheLine) std::atomic<std::int64_t> next_item_{0};
  std::vector<std::thread> workers_;
};

}  // namespace parapet::cpu
