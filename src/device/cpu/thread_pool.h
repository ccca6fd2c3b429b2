// Threads that work on the items of one job at a time, the caller being one of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace parapet::cpu {

class ThreadPool {
 public:
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return static_cast<int>(workers_.size()) + 1; }

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
  struct Job {
    const void* fn = nullptr;
    void (*call)(const void* fn, std::int64_t item, int thread) = nullptr;
    std::int64_t num_items = 0;
  };

  void run_job();
  void work(int thread);
  void claim_items(int thread);

  std::mutex turn_;
  Job job_;  // written while all workers wait for the next epoch
  std::atomic<std::int64_t> next_item_{0};
  std::atomic<int> busy_workers_{0};
  std::atomic<std::uint32_t> epoch_{0};  // counts jobs
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace parapet::cpu
