#include "device/cpu/cpu_pins.h"

#include <sched.h>

#include <algorithm>
#include <atomic>

#include "device/cpu/cpu_count.h"

namespace parapet::cpu {
namespace {

// The pool of this process that is pinned, if any.
std::atomic<const CpuPins*> holder = nullptr;

// Where the system keeps sending a caller back, its CPU is wanted by others: it is not asked for
// again at once.
constexpr std::chrono::milliseconds kBetweenMoves{20};

// Masks of this size cover 1024 CPUs; threads of larger machines are not pinned.
cpu_set_t mask_of(int cpu) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(static_cast<std::size_t>(cpu), &mask);
  return mask;
}

}  // namespace

CpuPins::CpuPins(int num_threads) {
  std::vector<int> cpus = affinity_cpus();
  const auto wanted = static_cast<std::size_t>(num_threads);
  const bool whole_mask = cpus.size() == wanted && usable_cpus() == num_threads;
  if (!whole_mask || num_threads == 1 || cpus.back() >= CPU_SETSIZE) return;
  const CpuPins* none = nullptr;
  if (holder.compare_exchange_strong(none, this)) cpus_ = std::move(cpus);
}

CpuPins::~CpuPins() {
  if (pinned()) holder.store(nullptr);
}

void CpuPins::pin_worker(int thread) const {
  if (!pinned()) return;
  const cpu_set_t mask = mask_of(cpus_[static_cast<std::size_t>(thread)]);
  sched_setaffinity(0, sizeof mask, &mask);  // where it fails, the thread runs where it may
}

void CpuPins::place_caller() {
  if (!pinned()) return;
  const int here = sched_getcpu();
  if (here == cpus_[0] || !std::ranges::binary_search(cpus_, here)) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_move_ < kBetweenMoves) return;
  last_move_ = now;

  cpu_set_t own;
  if (sched_getaffinity(0, sizeof own, &own) != 0) return;
  if (!CPU_ISSET(static_cast<std::size_t>(cpus_[0]), &own)) return;
  const cpu_set_t free_cpu = mask_of(cpus_[0]);
  if (sched_setaffinity(0, sizeof free_cpu, &free_cpu) == 0) {
    sched_setaffinity(0, sizeof own, &own);
  }
}

}  // namespace parapet::cpu
