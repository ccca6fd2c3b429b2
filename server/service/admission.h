// How much may be under way at once. What is over it is refused at once, so that what is admitted
// can still be answered in time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

namespace parapet::server {

class Admission {
 public:
  // `running` requests share the engine's steps, `waiting` more may queue up behind them.
  Admission(std::int64_t running, std::int64_t waiting);

  class Entry;
  // So many requests of the engine are under way as long as it lives; then they are answered.
  using Ticket = std::shared_ptr<Entry>;
  // They were not: they were cancelled, and say nothing about how fast answers come.
  static void give_up(const Ticket& ticket);
  struct Refusal {
    int retry_after_seconds = 1;
    bool too_late = false;  // there is room, but not before the deadline
  };
  // `patience` is what is left until the deadline. A request that would be answered after that, at
  // the rate at which answers came of late, is refused now instead of at its deadline.
  std::variant<Ticket, Refusal> enter(std::int64_t count,
                                      std::optional<std::chrono::milliseconds> patience);

  std::int64_t in_flight() const;
  std::int64_t capacity() const { return capacity_; }

 private:
  struct Books;

  std::int64_t capacity_;
  std::shared_ptr<Books> books_;  // tickets may outlive the rest
};

}  // namespace parapet::server
