#include "server/metrics/recent.h"

#include <algorithm>

#include "server/metrics/quantile.h"

namespace parapet::server {
namespace {

constexpr std::size_t kMaxSamples = 4096;
constexpr std::chrono::seconds kWindow{60};
constexpr std::size_t kRateSamples = 11;  // ten seconds between the first and the last

}  // namespace

void Recent::note(double latency_ms) {
  const std::lock_guard lock(mutex_);
  samples_.push_back({Clock::now(), latency_ms});
  if (samples_.size() > kMaxSamples) samples_.pop_front();
}

Recent::Latency Recent::latency() const {
  std::vector<double> recent;
  {
    const std::lock_guard lock(mutex_);
    const auto since = Clock::now() - kWindow;
    for (const Sample& sample : samples_) {
      if (sample.time >= since) recent.push_back(sample.ms);
    }
  }
  std::ranges::sort(recent);
  return {static_cast<std::int64_t>(recent.size()), quantile(recent, 0.5), quantile(recent, 0.9),
          quantile(recent, 0.99)};
}

void Rate::sample(double total) {
  const std::lock_guard lock(mutex_);
  samples_.emplace_back(std::chrono::steady_clock::now(), total);
  if (samples_.size() > kRateSamples) samples_.pop_front();
}

double Rate::per_second() const {
  const std::lock_guard lock(mutex_);
  if (samples_.size() < 2) return 0;
  const std::chrono::duration<double> elapsed = samples_.back().first - samples_.front().first;
  return elapsed.count() > 0 ? (samples_.back().second - samples_.front().second) / elapsed.count()
                             : 0;
}

}  // namespace parapet::server
