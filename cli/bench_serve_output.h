// What `parapet bench serve` measured, for people and for machines.
#pragma once

#include <string>

#include "server/bench/serve_bench.h"

namespace parapet::cli {

void print_bench(const server::ServeBench& bench);
std::string bench_json(const server::ServeBench& bench);

}  // namespace parapet::cli
