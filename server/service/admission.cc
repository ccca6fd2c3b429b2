#include "server/service/admission.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

namespace parapet::server {
namespace {

using Clock = std::chrono::steady_clock;

// Long enough to hold many answers of a busy engine, short enough to follow it.
constexpr std::chrono::milliseconds kPeriod{250};
constexpr double kNewShare = 0.5;  // of the last period in the rate
constexpr double kLongestRetry = 60;
// The wait is reckoned from a mean rate, and ends with a step that others are in too: what would
// come just in time comes too late half of the time, and its work is lost.
constexpr double kReserve = 1.4;

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

  void leave(std::int64_t count, bool was_answered) {
    const std::lock_guard lock(mutex);
    in_flight -= count;
    if (was_answered) answered += count;
    const auto now = Clock::now();
    const std::chrono::duration<double> elapsed = now - period_began;
    if (elapsed < kPeriod || answered == 0) return;
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

class Admission::Entry {
 public:
  Entry(std::shared_ptr<Books> books, std::int64_t count)
      : books_(std::move(books)), count_(count) {}
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() { books_->leave(count_, was_answered_); }

  void give_up() { was_answered_ = false; }

 private:
  const std::shared_ptr<Books> books_;
  const std::int64_t count_;
  std::atomic<bool> was_answered_ = true;
};

void Admission::give_up(const Ticket& ticket) {
  if (ticket) ticket->give_up();
}

Admission::Admission(std::int64_t running, std::int64_t waiting)
    : capacity_(running + waiting), books_(std::make_shared<Books>()) {}

std::variant<Admission::Ticket, Admission::Refusal> Admission::enter(
    std::int64_t count, std::optional<std::chrono::milliseconds> patience) {
  const std::lock_guard lock(books_->mutex);
  const std::int64_t ahead = books_->in_flight;
  const auto retry_after = [&] {
    return static_cast<int>(std::clamp(std::ceil(books_->wait(ahead)), 1.0, kLongestRetry));
  };
  if (ahead + count > capacity()) return Refusal{retry_after(), false};
  // Those ahead are not only the waiting: the running ones share the engine with all that run.
  if (ahead > 0 && patience &&
      books_->wait(ahead + count) * kReserve * 1000 > static_cast<double>(patience->count())) {
    return Refusal{retry_after(), true};
  }
  books_->enter(count);
  return std::make_shared<Entry>(books_, count);
}

std::int64_t Admission::in_flight() const {
  const std::lock_guard lock(books_->mutex);
  return books_->in_flight;
}

}  // namespace parapet::server
