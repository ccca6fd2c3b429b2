// What every handler works with: the model, the books, and how requests are admitted.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "parapet/guard.h"
#include "parapet/llm.h"
#include "server/http/exchange.h"
#include "server/json/api_error.h"
#include "server/json/json.h"
#include "server/log/log.h"
#include "server/metrics/metrics.h"
#include "server/options.h"
#include "server/service/admission.h"
#include "server/verdict_sink.h"

namespace parapet::server {

struct Service {
  Service(ServerOptions options, LLM llm, const Log& log, VerdictSink* sink);
  // Cancels what the model still works on, and waits until that is answered.
  ~Service();

  const ServerOptions options;
  LLM llm;
  std::optional<Guard> guard;  // empty for a model that is none; `no_guard` then says why
  std::string no_guard;
  const EngineInfo info;
  const Log& log;
  VerdictSink* sink;          // may be null
  std::string policy_hash;    // of what the template writes around conversations; hex
  Json chat_template_kwargs;  // an object
  Admission admission;
  Metrics metrics;
  std::atomic<std::int64_t> connections = 0;
  std::function<double()> io_cpu_seconds = [] { return 0.0; };  // of the threads that serve HTTP
  std::atomic<bool> draining = false;
  std::atomic<bool> broken = false;  // the engine's last answer was a bug of ours
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();

  const std::string& model_name() const { return options.model_names.front(); }
  // Refuses a model's name that is not served; an empty one means ours.
  std::optional<ApiError> check_model(const std::string& name) const;
};

// When a request has to be answered, if it has to: from its body's deadline_ms, its header
// X-Deadline-Ms, or the server's default, in this order.
struct Deadline {
  std::optional<std::chrono::steady_clock::time_point> time;
  std::optional<std::chrono::milliseconds> patience() const;
};
// `body_ms` is what the body says, 0 where it says nothing.
std::variant<Deadline, ApiError> deadline_of(const Service& service, const Request& request,
                                             std::int64_t body_ms);

// Cancels the requests when the client is gone, and at the deadline, after `timed_out`.
void cancel_when_over(Exchange& exchange, const Deadline& deadline,
                      std::vector<RequestHandle> requests, std::function<void()> timed_out);

// Room for so many engine requests, or the 429 (503 while draining) that is to be answered.
std::variant<Admission::Ticket, ApiError> admit(Service& service, std::int64_t count,
                                                const Deadline& deadline);

}  // namespace parapet::server
