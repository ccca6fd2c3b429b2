// What Prometheus scrapes: vLLM's metrics under vLLM's names, and the guard's own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "parapet/engine_info.h"
#include "parapet/guard.h"
#include "parapet/llm.h"
#include "server/metrics/recent.h"

namespace parapet::server {

// Every method may be called from any thread at any time.
class Metrics {
 public:
  struct Sources {
    std::string model_name;
    EngineInfo info;
    std::function<EngineCounters()> counters;  // called at each scrape
    std::function<std::int64_t()> in_flight;
    std::function<std::int64_t()> connections;
    std::function<double()> io_cpu_seconds;
  };
  explicit Metrics(Sources sources);
  ~Metrics();

  // An answered generation, or a verdict, from the engine's point of view.
  struct Finished {
    TokenUsage usage;
    Timing timing;
    std::string_view reason = "stop";  // or "length"
    std::int64_t n = 1;
    std::int64_t max_tokens = 0;
    std::int64_t longest = 0;  // tokens of the longest of the n answers
  };
  void count_request(const Finished& finished);
  void count_unanswered(std::string_view reason);  // "abort", "error"
  // A verdict as it is answered; `label` is "Safe", ..., "Unavailable" or "Error".
  void count_verdict(std::string_view label, const Verdict* verdict, double latency_ms);
  void count_http(std::string_view path, std::string_view method, int status);
  void count_refusal(std::string_view why);  // "full", "deadline", "draining"

  // The exposition format, version 0.0.4.
  std::string text() const;

  struct Totals {
    std::int64_t requests = 0;
    std::int64_t prompt_tokens = 0;
    std::int64_t generation_tokens = 0;
    std::map<std::string, std::int64_t> verdicts;  // by label
  };
  Totals totals() const;
  Recent::Latency verdict_latency() const;
  double prompt_tokens_per_second() const;
  double generation_tokens_per_second() const;
  double verdicts_per_second() const;
  // Once a second, for the rates.
  void tick();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet::server
