#include "server/bench/load_run.h"

#include <algorithm>
#include <random>
#include <utility>

namespace parapet::server {
namespace {

using Clock = LoadClient::Clock;
using Seconds = std::chrono::duration<double>;

constexpr std::chrono::milliseconds kTick{100};
// What is not answered so long after the last request was sent is lost.
constexpr std::chrono::seconds kPatience{60};

enum class Outcome : std::uint8_t { kAnswered, kNoVerdict, kRefused, kLate, kUnsent, kFailed };

Outcome outcome_of(const HttpAnswer& answer) {
  const auto says = [&](const char* what) { return answer.body.find(what) != std::string::npos; };
  switch (answer.status) {
    case 200:
      if (says(R"("safety":"Unavailable")") || says(R"("severity":"Unavailable")")) {
        return Outcome::kRefused;
      }
      // A conversation fails alone, in an answer with status 200.
      if (says(R"("code":"deadline_exceeded")")) return Outcome::kLate;
      return says(R"("safety":null)") ? Outcome::kNoVerdict : Outcome::kAnswered;
    case 0: return answer.was_sent ? Outcome::kFailed : Outcome::kUnsent;
    case 408: return Outcome::kLate;
    case 429:
    case 503: return Outcome::kRefused;
    default: return Outcome::kFailed;
  }
}

class LoadRun {
 public:
  LoadRun(LoadClient& client, RequestMix& mix, const LoadPlan& plan)
      : client_(client), mix_(mix), plan_(plan), gap_(plan.rate > 0 ? plan.rate : 1) {}

  LoadResult run() {
    begin_ = last_answer_ = Clock::now();
    end_ = begin_ + std::chrono::duration_cast<Clock::duration>(plan_.duration);
    if (plan_.halfway) {
      client_.at(begin_ + (end_ - begin_) / 2, [this] { pass_halfway(); });
    }
    tick();
    if (plan_.rate > 0) {
      next_arrival_ = begin_;
      draw_arrival();
      await_arrival();
    } else {
      for (std::int64_t i = 0; i < plan_.concurrency; ++i) send(Clock::now());
    }
    client_.run(end_ + plan_.deadline + kPatience);
    result_.seconds = Seconds(last_answer_ - begin_).count();
    return std::move(result_);
  }

 private:
  void tick() {
    if (!plan_.on_progress) return;
    const Clock::time_point now = Clock::now();
    plan_.on_progress(std::min(1.0, (now - begin_) / plan_.duration));
    if (now + kTick < end_) client_.at(now + kTick, [this] { tick(); });
  }

  void pass_halfway() {
    is_halfway_ = true;
    halfway_id_ = result_.num_sent;
    result_.halfway.under_way = num_under_way_;
    plan_.halfway();
  }

  // Open: the times are fixed in advance, and nobody waits for an answer.
  void await_arrival() {
    if (next_arrival_ >= end_) return;
    client_.at(next_arrival_, [this] {
      for (const auto now = Clock::now(); next_arrival_ <= std::min(now, end_); draw_arrival()) {
        send(next_arrival_);
      }
      await_arrival();
    });
  }

  void draw_arrival() {
    next_arrival_ += std::chrono::duration_cast<Clock::duration>(Seconds(gap_(random_)));
  }

  void send(Clock::time_point intended) {
    auto [kind, message] = mix_.next(plan_.deadline);
    const std::int64_t id = result_.num_sent++;
    ++num_under_way_;
    result_.behind_ms.push_back(milliseconds_since(intended));
    client_.send(std::move(message), [this, id, kind = kind, intended](const HttpAnswer& answer) {
      take(id, kind, intended, answer);
    });
  }

  void take(std::int64_t id, RequestKind kind, Clock::time_point intended,
            const HttpAnswer& answer) {
    const Outcome outcome = outcome_of(answer);
    const double ms = milliseconds_since(intended);
    --num_under_way_;
    const Clock::time_point now = Clock::now();
    const bool closed = plan_.rate == 0;
    if (is_halfway_ && id < halfway_id_) count_halfway(outcome);
    if (closed && now >= end_) return;  // so much was done in the time; this was not
    last_answer_ = now;
    count(outcome, kind, ms, answer);
    if (closed) send(now);
  }

  void count(Outcome outcome, RequestKind kind, double ms, const HttpAnswer& answer) {
    switch (outcome) {
      case Outcome::kNoVerdict: ++result_.num_no_verdict; [[fallthrough]];
      case Outcome::kAnswered:
        result_.answered_ms[static_cast<std::size_t>(kind)].push_back(ms);
        if (plan_.deadline.count() == 0 || ms <= static_cast<double>(plan_.deadline.count())) {
          ++result_.num_in_time;
        }
        break;
      case Outcome::kRefused: result_.refused_ms.push_back(ms); break;
      case Outcome::kLate: ++result_.num_late; break;
      case Outcome::kUnsent:
      case Outcome::kFailed:
        if (result_.num_errors++ == 0) {
          result_.first_error = answer.status == 0 ? answer.error
                                                   : "status " + std::to_string(answer.status) +
                                                         ": " + answer.body.substr(0, 200);
        }
        break;
    }
  }

  void count_halfway(Outcome outcome) {
    LoadResult::Halfway& halfway = result_.halfway;
    switch (outcome) {
      case Outcome::kAnswered:
      case Outcome::kNoVerdict: ++halfway.answered; break;
      case Outcome::kRefused:
      case Outcome::kLate: ++halfway.refused; break;
      case Outcome::kUnsent: ++halfway.unsent; break;
      case Outcome::kFailed: ++halfway.lost; break;
    }
  }

  static double milliseconds_since(Clock::time_point time) {
    return std::chrono::duration<double, std::milli>(Clock::now() - time).count();
  }

  LoadClient& client_;
  RequestMix& mix_;
  const LoadPlan& plan_;
  LoadResult result_;
  std::mt19937_64 random_{20261125};
  std::exponential_distribution<double> gap_;
  Clock::time_point begin_;
  Clock::time_point end_;
  Clock::time_point next_arrival_;
  Clock::time_point last_answer_;
  std::int64_t num_under_way_ = 0;
  std::int64_t halfway_id_ = 0;
  bool is_halfway_ = false;
};

}  // namespace

std::int64_t LoadResult::num_answered() const {
  std::int64_t count = 0;
  for (const auto& kind : answered_ms) count += std::ssize(kind);
  return count;
}

LoadResult run_load(LoadClient& client, RequestMix& mix, const LoadPlan& plan) {
  return LoadRun(client, mix, plan).run();
}

}  // namespace parapet::server
