// Medians and percentiles of what was measured.
#pragma once

#include <vector>

#include "parapet/bench.h"

namespace parapet::server {

Milliseconds percentiles(std::vector<double> values);
double median(std::vector<double> values);
// Of rounds in which there was something.
Milliseconds median(const std::vector<Milliseconds>& rounds);

}  // namespace parapet::server
