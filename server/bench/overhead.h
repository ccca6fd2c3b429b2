// What HTTP costs on top of the engine: verdicts both ways, by turns.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "parapet/guard.h"
#include "server/bench/load_client.h"
#include "server/bench/request_mix.h"
#include "server/bench/serve_bench.h"

namespace parapet::server {

class OverheadMeter {
 public:
  // `guard` is of the model that the client's server serves.
  void measure(Guard& guard, LoadClient& client, RequestMix& mix, std::int64_t num_pairs);
  // Empty where nothing was measured.
  std::optional<OverheadBench> result() const;

 private:
  std::vector<double> http_, in_process_, difference_;  // milliseconds
};

}  // namespace parapet::server
