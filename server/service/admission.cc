#include "server/service/admission.h"

#include <algorithm>
#include <cmath>

namespace parapet::server {
namespace {

using Clock = std::chrono::steady_clock;

// Long enough to hold many answers of a busy engine, short enough to follow it.
constexpr std::chrono::milliseconds kPeriod{250};
constexpr double kNewShare = 0.5;  // of the last period in the rate
constexpr double kLongestRetry = 60;

}  // namespace

// Counts answers in periods in which there was always something under way: only those tell how
// fast the engine can be.
struct Admission::Books {
  mutable std::mutex mutex;
  std::int64_t in_flight = 0;
  double rate = 0;  // answers a second; 0: not known
  std::int64_t answered = 0;
  Clock::time_point period_began;

  void enter(std::int64_t count) {
    if (in_flight == 0) restart(Clock::now());
    in_flight += count;
  }

  void leave(std::int64_t count) {
    const std::lock_guard lock(mutex);
    in_flight -= count;
    answered += count;
    const auto now = Clock::now();
    const std::chrono::duration<double> elapsed = now - period_began;
    if (elapsed < kPeriod) return;
    const double measured = static_cast<double>(answered) / elapsed.count();
    rate = rate == 0 ? measured : kNewShare * measured + (1 - kNewShare) * rate;
    restart(now);
  }

  void restart(Clock::time_point now) {
    period_began = now;
    answered = 0;
  }

  // Seconds until so many requests are answered.
  double wait(std::int64_t count) const {
    return rate == 0 ? 0 : static_cast<double>(count) / rate;
  }
};

Admission::Admission(std::int64_t running, std::int64_t waiting)
    : running_(running), waiting_(waiting), books_(std::make_shared<Books>()) {}

std::variant<Admission::Ticket, Admission::Refusal> Admission::enter(
    std::int64_t count, std::optional<std::chrono::milliseconds> patience) {
  const std::lock_guard lock(books_->mutex);
  const std::int64_t ahead = books_->in_flight;
  const auto retry_after = [&] {
    return static_cast<int>(std::clamp(std::ceil(books_->wait(ahead)), 1.0, kLongestRetry));
  };
  if (ahead + count > capacity()) return Refusal{retry_after(), false};
  const bool queues = ahead + count > running_;
  if (queues && patience &&
      books_->wait(ahead + count) * 1000 > static_cast<double>(patience->count())) {
    return Refusal{retry_after(), true};
  }
  books_->enter(count);
  // The ticket is its books, with a note of how much to take off.
  return Ticket(books_.get(), [books = books_, count](const void*) { books->leave(count); });
}

std::int64_t Admission::in_flight() const {
  const std::lock_guard lock(books_->mutex);
  return books_->in_flight;
}

}  // namespace parapet::server
