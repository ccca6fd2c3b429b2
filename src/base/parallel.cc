#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace parapet {

void for_each_task(std::size_t count, int num_threads, const std::function<void(std::size_t)>& task,
                   const std::function<void()>& report) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&](bool reports) {
    for (std::size_t i = next++; i < count; i = next++) {
      task(i);
      if (reports && report) report();
    }
  };
  std::vector<std::jthread> workers;
  const std::size_t wanted = std::min(static_cast<std::size_t>(std::max(num_threads, 1)), count);
  try {
    while (workers.size() + 1 < wanted) workers.emplace_back(work, false);
  } catch (const std::system_error&) {
    // The system gives no more threads; the work is the same for fewer.
  }
  work(true);
}

}  // namespace parapet
