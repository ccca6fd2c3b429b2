#include "server/bench/load_rounds.h"

#include <algorithm>
#include <iterator>

#include "server/bench/statistics.h"

namespace parapet::server {

void LoadRounds::add(const LoadResult& result, std::chrono::duration<double> duration,
                     const std::optional<ServerWork>& work) {
  const double seconds = std::max(result.seconds, duration.count());
  offered_.push_back(static_cast<double>(result.num_sent) / duration.count());
  answered_.push_back(static_cast<double>(result.num_answered()) / seconds);
  goodput_.push_back(static_cast<double>(result.num_in_time) / duration.count());
  work_.add(work);
  add_latencies(result);
  count(result);
}

void LoadRounds::add_latencies(const LoadResult& result) {
  refusal_.push_back(percentiles(result.refused_ms));
  behind_.push_back(percentiles(result.behind_ms));
  std::vector<double> all;
  for (std::size_t kind = 0; kind < kNumRequestKinds; ++kind) {
    const auto& ms = result.answered_ms[kind];
    all.insert(all.end(), ms.begin(), ms.end());
    latency_of_kind_[kind].push_back(percentiles(ms));
  }
  latency_.push_back(percentiles(std::move(all)));
}

void LoadRounds::count(const LoadResult& result) {
  bench_.num_sent += result.num_sent;
  bench_.num_answered += result.num_answered();
  bench_.num_refused += std::ssize(result.refused_ms);
  bench_.num_late += result.num_late;
  bench_.num_errors += result.num_errors;
  bench_.num_no_verdict += result.num_no_verdict;
  if (bench_.first_error.empty()) bench_.first_error = result.first_error;
}

LoadBench LoadRounds::summary() const {
  LoadBench load = bench_;
  load.offered = median(offered_);
  load.answered = median(answered_);
  load.goodput = median(goodput_);
  load.latency = median(latency_);
  for (const auto& kind : latency_of_kind_) load.latency_of_kind.push_back(median(kind));
  load.refusal = median(refusal_);
  load.behind = median(behind_);
  load.work = work_.median();
  return load;
}

}  // namespace parapet::server
