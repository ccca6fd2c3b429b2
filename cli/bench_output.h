// What benchmarks measured, for people and for machines.
#pragma once

#include <string>

#include "parapet/bench.h"

namespace parapet::cli {

void print_bench(const KernelBench& bench);
void print_bench(const LatencyBench& bench);
void print_bench(const VerdictBench& bench);
void print_bench(const ThroughputBench& bench);
void print_bench(const CardBench& bench);
std::string bench_json(const KernelBench& bench);
std::string bench_json(const LatencyBench& bench);
std::string bench_json(const VerdictBench& bench);
std::string bench_json(const ThroughputBench& bench);
std::string bench_json(const CardBench& bench);

// The table of the published card, in its words, Chinese or English.
std::string bench_markdown(const CardBench& bench, bool chinese);

}  // namespace parapet::cli
