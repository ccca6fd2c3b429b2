// Which CPU each thread of a pool keeps to.
//
// Pinned threads stay with their caches, and no two of a pool ever share a CPU while another is
// free. That is only so where the pool has the CPUs for itself: one that is smaller than the mask
// would sit on the same few CPUs as its neighbours, one under a cgroup quota is placed better by
// the system, and a second pool of the process would double the first. So threads are pinned where
// the pool is as large as the mask, no quota is smaller, and no other pool of the process is
// pinned.
#pragma once

#include <chrono>
#include <vector>

namespace parapet::cpu {

class CpuPins {
 public:
  // For a pool of num_threads that runs its caller's jobs, the caller being thread 0.
  explicit CpuPins(int num_threads);
  ~CpuPins();
  CpuPins(const CpuPins&) = delete;
  CpuPins& operator=(const CpuPins&) = delete;

  bool pinned() const { return !cpus_.empty(); }

  // Pins the calling thread, which is worker `thread` >= 1.
  void pin_worker(int thread) const;

  // The caller belongs to the program: its mask, which threads that it starts inherit, stays as it
  // is. Where it runs on a worker's CPU it is moved to the one that is left.
  void place_caller();

 private:
  std::vector<int> cpus_;  // of each thread; empty: none is pinned
  std::chrono::steady_clock::time_point last_move_;
};

}  // namespace parapet::cpu
