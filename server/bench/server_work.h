// What a server computed for a load, by its own metrics.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/bench/load_client.h"
#include "server/bench/request_mix.h"
#include "server/bench/serve_bench.h"

namespace parapet::server {

// From its making to end().
class WorkMeter {
 public:
  WorkMeter(LoadClient& client, const RequestMix& mix);
  // Empty where the server does not tell, or nothing was sent.
  std::optional<ServerWork> end(std::int64_t num_sent) const;

 private:
  std::string scrape() const;

  LoadClient& client_;
  const RequestMix& mix_;
  std::string before_;
  LoadClient::Clock::time_point begin_;
};

class WorkRounds {
 public:
  void add(const std::optional<ServerWork>& work);
  std::optional<ServerWork> median() const;

 private:
  std::vector<double> http_us_, engine_share_;
};

}  // namespace parapet::server
