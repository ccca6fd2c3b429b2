// Waits until a number of things have happened on other threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>

namespace parapet {

class Gate {
 public:
  explicit Gate(std::size_t count) : remaining_(count) {}

  void count_down() {
    const std::lock_guard lock(mutex_);
    if (--remaining_ == 0) opened_.notify_all();
  }
  // `meanwhile` (may be empty) is called by the waiting thread: with false now and then, with true
  // at the end. What it throws is thrown on, but not before everything has happened: until then
  // others write to what the caller owns.
  void wait(const std::function<void(bool done)>& meanwhile) {
    using namespace std::chrono_literals;
    std::exception_ptr thrown;
    std::unique_lock lock(mutex_);
    const auto done = [this] { return remaining_ == 0; };
    while (meanwhile && !thrown && !opened_.wait_for(lock, 50ms, done)) {
      lock.unlock();
      try {
        meanwhile(false);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
    }
    opened_.wait(lock, done);
    lock.unlock();
    if (thrown) std::rethrow_exception(thrown);
    if (meanwhile) meanwhile(true);
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  std::size_t remaining_;
};

}  // namespace parapet
