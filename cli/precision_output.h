// A precision report as a terminal shows it.
#pragma once

#include "parapet/precision.h"

namespace parapet::cli {

// Metrics with their thresholds, the prompts, and the verdict.
void print_precision(const PrecisionEval& eval);

}  // namespace parapet::cli
