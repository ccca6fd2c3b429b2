#include "device/cpu/thread_pool.h"

#include <sched.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>
#include <vector>

#include "device/cpu/cpu_count.h"
#include "gtest/gtest.h"

namespace parapet::cpu {
namespace {

TEST(ThreadPool, RunsEachItemOnce) {
  for (const int num_threads : {1, 2, 5}) {
    ThreadPool pool(num_threads);
    ASSERT_EQ(pool.num_threads(), num_threads);
    for (const std::int64_t items : {0, 1, 2, 3, 100, 1000}) {
      std::vector<int> runs(static_cast<std::size_t>(items));  // not atomic: TSan watches
      std::atomic<bool> bad_thread = false;
      pool.run(items, [&](std::int64_t item, int thread) {
        ++runs[static_cast<std::size_t>(item)];
        if (thread < 0 || thread >= num_threads) bad_thread = true;
      });
      EXPECT_EQ(runs, std::vector<int>(static_cast<std::size_t>(items), 1));
      EXPECT_FALSE(bad_thread);
    }
  }
}

TEST(ThreadPool, ManyShortJobs) {
  ThreadPool pool(3);
  std::int64_t total = 0;
  for (int job = 0; job < 2000; ++job) {
    std::int64_t parts[4] = {};
    pool.run(4, [&](std::int64_t item, int) { parts[item] = item + 1; });
    for (const std::int64_t part : parts) total += part;
  }
  EXPECT_EQ(total, 2000 * 10);
}

TEST(ThreadPool, SleepingWorkersWake) {
  ThreadPool pool(3);
  std::atomic<int> runs = 0;
  for (int job = 0; job < 3; ++job) {
    // Long enough that workers give up spinning.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    pool.run(8, [&](std::int64_t, int) { ++runs; });
  }
  EXPECT_EQ(runs, 24);
}

// Two streams of one device may be used by two threads.
TEST(ThreadPool, CallersTakeTurns) {
  ThreadPool pool(2);
  std::vector<std::int64_t> totals(4);
  std::vector<std::thread> callers;
  for (std::int64_t& total : totals) {
    callers.emplace_back([&pool, &total] {
      for (int job = 0; job < 200; ++job) {
        std::int64_t parts[3] = {};
        pool.run(3, [&](std::int64_t item, int) { parts[item] = 1; });
        total += parts[0] + parts[1] + parts[2];
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(totals, std::vector<std::int64_t>(4, 600));
}

// The affinity mask of each of the pool's threads: no item ends before every thread has one.
std::vector<std::vector<int>> masks(ThreadPool& pool) {
  std::vector<std::vector<int>> masks(static_cast<std::size_t>(pool.num_threads()));
  std::atomic<int> missing = pool.num_threads();
  pool.run(pool.num_threads(), [&](std::int64_t, int thread) {
    masks[static_cast<std::size_t>(thread)] = affinity_cpus();
    for (--missing; missing > 0;) std::this_thread::yield();
  });
  return masks;
}

TEST(ThreadPool, WorkersArePinnedWhereThePoolHasAllCpusForItself) {
  const std::vector<int> cpus = affinity_cpus();
  const auto all = static_cast<int>(cpus.size());
  if (all == 1 || usable_cpus() != all) GTEST_SKIP() << "needs two CPUs and no quota";
  ThreadPool pool(all);
  ASSERT_TRUE(pool.pinned());
  const auto pinned = masks(pool);
  EXPECT_EQ(pinned[0], cpus);  // the caller's mask is its own affair
  EXPECT_EQ(affinity_cpus(), cpus);
  for (std::size_t thread = 1; thread < cpus.size(); ++thread) {
    EXPECT_EQ(pinned[thread], std::vector<int>{cpus[thread]});
  }

  ThreadPool second(all);
  EXPECT_FALSE(second.pinned());
  for (const auto& mask : masks(second)) EXPECT_EQ(mask, cpus);
}

TEST(ThreadPool, WorkersAreNotPinnedWhereThePoolIsNotTheMask) {
  const std::vector<int> cpus = affinity_cpus();
  for (const int num_threads : {static_cast<int>(cpus.size()) + 1, 1}) {
    ThreadPool pool(num_threads);
    EXPECT_FALSE(pool.pinned());
    for (const auto& mask : masks(pool)) EXPECT_EQ(mask, cpus);
  }
}

TEST(ThreadPool, AffinityIsHonouredWhenThreadsOutnumberCpus) {
  std::thread([] {
    const int only = affinity_cpus().back();
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(static_cast<std::size_t>(only), &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof mask, &mask), 0);
    ThreadPool pool(4);
    std::atomic<int> elsewhere = 0;
    std::atomic<int> runs = 0;
    for (int job = 0; job < 200; ++job) {
      pool.run(9, [&](std::int64_t, int) {
        ++runs;
        if (sched_getcpu() != only) ++elsewhere;
      });
    }
    EXPECT_EQ(runs, 200 * 9);
    EXPECT_EQ(elsewhere, 0);
  }).join();
}

// A job needs no worker to end: one that the system keeps from running holds up nobody.
TEST(ThreadPool, MoreThreadsThanCpus) {
  ThreadPool pool(4 * usable_cpus() + 1);
  std::atomic<std::int64_t> sum = 0;
  for (int job = 0; job < 300; ++job) {
    pool.run(20, [&](std::int64_t item, int) { sum += item; });
  }
  EXPECT_EQ(sum, 300 * 190);
}

double process_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Behaviour, not speed: a worker that spun on would use all of the time.
TEST(ThreadPool, IdleWorkersSleep) {
  ThreadPool pool(usable_cpus() + 1);
  std::atomic<int> runs = 0;
  pool.run(100, [&](std::int64_t, int) { ++runs; });
  constexpr std::chrono::milliseconds kIdle{400};
  const double before = process_cpu_seconds();
  std::this_thread::sleep_for(kIdle);
  EXPECT_LT(process_cpu_seconds() - before, 0.02 * std::chrono::duration<double>(kIdle).count());
}

}  // namespace
}  // namespace parapet::cpu
