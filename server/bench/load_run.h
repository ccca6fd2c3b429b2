// One load on a server, and what became of its requests.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/bench/load_client.h"
#include "server/bench/request_mix.h"

namespace parapet::server {

struct LoadPlan {
  // Requests a second that arrive whether or not earlier ones are answered, at random times
  // (Poisson). 0: `concurrency` of them, each followed by the next when it is answered.
  double rate = 0;
  std::int64_t concurrency = 1;
  std::chrono::duration<double> duration{1};
  // Sent along, and what "in time" means; 0: none, and every answer is in time.
  std::chrono::milliseconds deadline{0};
  std::function<void()> halfway;  // called then; may be empty
  // A few times a second, with the share of the duration that is over; may be empty.
  std::function<void(double share)> on_progress;
};

// All times are from the moment at which a request should have been sent: one that had to wait for
// the client, or for a stalled server, counts with its wait.
struct LoadResult {
  std::int64_t num_sent = 0;
  std::array<std::vector<double>, kNumRequestKinds> answered_ms;  // 200, but no refusal
  std::vector<double> refused_ms;   // 429, 503, or the verdict Unavailable
  std::vector<double> behind_ms;    // until the client sent them
  std::int64_t num_in_time = 0;     // of the answered ones
  std::int64_t num_late = 0;        // 408: the server gave up at the deadline
  std::int64_t num_errors = 0;      // everything else, lost ones too
  std::int64_t num_no_verdict = 0;  // of the answered ones: the model's answer was none
  std::string first_error;
  double seconds = 0;  // from the first request to the last answer

  // Of the requests that were under way halfway.
  struct Halfway {
    std::int64_t under_way = 0;
    std::int64_t answered = 0;
    std::int64_t refused = 0;  // or late
    std::int64_t unsent = 0;   // there was no connection for it any more
    std::int64_t lost = 0;     // sent, and never answered
  };
  Halfway halfway;

  std::int64_t num_answered() const;
};

LoadResult run_load(LoadClient& client, RequestMix& mix, const LoadPlan& plan);

}  // namespace parapet::server
