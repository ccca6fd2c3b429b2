// What is told of many measurements.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace parapet::server {

// The smallest of the sorted values that at least this share of them does not exceed; 0 of none.
inline double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[rank < 1 ? 0 : static_cast<std::size_t>(rank) - 1];
}

}  // namespace parapet::server
