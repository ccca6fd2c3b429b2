// One load, in all its rounds.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include "server/bench/load_run.h"
#include "server/bench/serve_bench.h"
#include "server/bench/server_work.h"

namespace parapet::server {

class LoadRounds {
 public:
  // `multiple` is of the capacity; 0 where a rate was asked for.
  explicit LoadRounds(double multiple) { bench_.multiple = multiple; }

  void add(const LoadResult& result, std::chrono::duration<double> duration,
           const std::optional<ServerWork>& work);
  // Medians of the rounds; counts over all of them.
  LoadBench summary() const;

 private:
  void add_latencies(const LoadResult& result);
  void count(const LoadResult& result);

  LoadBench bench_;
  std::vector<double> offered_, answered_, goodput_;
  std::vector<Milliseconds> latency_, refusal_, behind_;
  std::array<std::vector<Milliseconds>, kNumRequestKinds> latency_of_kind_;
  WorkRounds work_;
};

}  // namespace parapet::server
