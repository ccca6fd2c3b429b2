#include "server/bench/statistics.h"

#include <algorithm>

#include "server/metrics/quantile.h"

namespace parapet::server {

Milliseconds percentiles(std::vector<double> values) {
  std::ranges::sort(values);
  return {quantile(values, 0.5), quantile(values, 0.99)};
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return quantile(values, 0.5);
}

Milliseconds median(const std::vector<Milliseconds>& rounds) {
  std::vector<double> p50;
  std::vector<double> p99;
  for (const Milliseconds& each : rounds) {
    if (each.p99 == 0) continue;
    p50.push_back(each.p50);
    p99.push_back(each.p99);
  }
  return {median(p50), median(p99)};
}

}  // namespace parapet::server
