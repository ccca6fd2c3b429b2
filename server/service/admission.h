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

  // So many requests of the engine are under way as long as it lives.
  using Ticket = std::shared_ptr<const void>;
  struct Refusal {
    int retry_after_seconds = 1;
    bool too_late = false;  // there is room, but not before the deadline
  };
  // `patience` is what is left until the deadline. A request that would wait longer than that, at
  // the rate at which answers came of late, is refused now instead of at its deadline.
  std::variant<Ticket, Refusal> enter(std::int64_t count,
                                      std::optional<std::chrono::milliseconds> patience);

  std::int64_t in_flight() const;
  std::int64_t capacity() const { return running_ + waiting_; }

 private:
  struct Books;

  std::int64_t running_;
  std::int64_t waiting_;
  std::shared_ptr<Books> books_;  // tickets may outlive the rest
};

}  // namespace parapet::server
