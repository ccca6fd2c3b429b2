#include "device/cpu/thread_pool.h"

#include <atomic>
#include <chrono>
#include <vector>

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

}  // namespace
}  // namespace parapet::cpu
