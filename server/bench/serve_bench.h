// parapet bench serve: a server under loads below and above what it can do.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parapet/bench.h"
#include "parapet/error.h"
#include "parapet/llm.h"
#include "server/bench/request_mix.h"
#include "server/options.h"

namespace parapet::server {

struct ServeBenchOptions {
  std::string url;      // of a server that runs; empty: one in this process
  std::string api_key;  // of that one
  ModelOptions model;   // of the one in this process, as what follows
  OnOverload on_overload = OnOverload::kRefuse;
  std::int64_t max_waiting = ServerOptions{}.max_waiting;

  MixOptions mix;
  std::vector<double> rates;                         // requests a second; or, where there are none,
  std::vector<double> multiples = {0.5, 0.8, 1, 2};  // of the capacity that is measured first
  std::chrono::duration<double> duration{5};         // of each load, in each round
  std::chrono::milliseconds deadline{500};           // 0: none
  std::int64_t concurrency = 32;                     // requests at once that measure the capacity
  std::int64_t max_connections = 8192;
  std::int64_t pairs = 200;  // a round, of requests over HTTP and in process; 0: none
  int rounds = 3;            // interleaved; medians are told
  ProgressCallback on_progress;
};

// Work that the server did for a load, where it tells.
struct ServerWork {
  double http_us = 0;       // CPU time a request of the threads that serve HTTP
  double engine_share = 0;  // of the time, in steps of the engine
};

// Rates are a second; times are from when a request should have been sent.
struct LoadBench {
  double multiple = 0;                        // of the capacity; 0 where a rate was asked for
  double offered = 0;                         // arrivals
  double answered = 0;                        // answers that are no refusals
  double goodput = 0;                         // of them, those within the deadline
  Milliseconds latency;                       // of answers
  std::vector<Milliseconds> latency_of_kind;  // by RequestKind; zeros where none was asked
  Milliseconds refusal;                       // until a refusal came
  Milliseconds behind;        // of the client that sends: it must be small beside the rest
  std::int64_t num_sent = 0;  // this and the following over all rounds
  std::int64_t num_answered = 0;
  std::int64_t num_refused = 0;
  std::int64_t num_late = 0;
  std::int64_t num_errors = 0;
  std::int64_t num_no_verdict = 0;
  std::string first_error;
  std::optional<ServerWork> work;
};

struct OverheadBench {
  std::int64_t num_pairs = 0;
  Milliseconds http;        // a verdict, one at a time, its text in the prefix cache
  Milliseconds in_process;  // the same by Guard::judge
  Milliseconds difference;  // of each pair
};

struct DrainBench {
  double seconds = 0;          // from SIGTERM's call to the end of Server::run
  std::int64_t under_way = 0;  // requests that had arrived and were not answered at that moment
  std::int64_t answered = 0;
  std::int64_t refused = 0;  // read after that moment
  std::int64_t unsent = 0;   // still with the client, who then found no server
  std::int64_t lost = 0;     // sent, and never answered
};

struct ServeBench {
  std::string url;
  std::string model;
  std::optional<EngineInfo> engine;  // of a server in this process
  double capacity = 0;               // answers a second, closed loop
  std::optional<ServerWork> capacity_work;
  std::vector<LoadBench> loads;
  std::optional<OverheadBench> overhead;  // of a server in this process, as what follows
  std::optional<DrainBench> drain;
};

// kInvalidArgument: an option; kIo: the server does not answer; else what loading a model gives.
Result<ServeBench> bench_serve(const ServeBenchOptions& options);

}  // namespace parapet::server
