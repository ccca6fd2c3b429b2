// What is told of many measurements.
#pragma once

#include <vector>

namespace parapet {

// The smallest of the values that at least this share of them does not exceed; 0 of none.
double quantile(std::vector<double> values, double share);
double median(std::vector<double> values);

}  // namespace parapet
