// What happened in the last minute, for people who look now.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace parapet::server {

class Recent {
 public:
  // Quantiles of the latencies that were noted within the last minute, the newest few thousand of
  // them.
  struct Latency {
    std::int64_t count = 0;
    double p50_ms = 0;
    double p90_ms = 0;
    double p99_ms = 0;
  };

  void note(double latency_ms);
  Latency latency() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Sample {
    Clock::time_point time;
    double ms;
  };

  mutable std::mutex mutex_;
  std::deque<Sample> samples_;
};

// How fast a counter rises: over the last ten seconds or so.
class Rate {
 public:
  // Once a second.
  void sample(double total);
  double per_second() const;

 private:
  mutable std::mutex mutex_;
  std::deque<std::pair<std::chrono::steady_clock::time_point, double>> samples_;
};

}  // namespace parapet::server
