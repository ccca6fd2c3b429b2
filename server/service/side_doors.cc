#include "server/service/side_doors.h"

#include <utility>

#include "server/http/url.h"
#include "server/service/answers.h"

namespace parapet::server {

void answer_health(Service& service, const std::shared_ptr<Exchange>& exchange) {
  if (service.broken) {
    return answer_error(*exchange, {503, "the engine fails; load the model again", error_type(503),
                                    "", "engine_broken"});
  }
  if (service.draining) {
    return answer_error(*exchange,
                        {503, "the server is shutting down", error_type(503), "", "draining"});
  }
  answer_text(*exchange, "");
}

void answer_version(Service&, const std::shared_ptr<Exchange>& exchange) {
  answer_json(*exchange, {{"version", version()}});
}

void answer_load(Service& service, const std::shared_ptr<Exchange>& exchange) {
  answer_json(*exchange, {{"server_load", service.admission.in_flight()},
                          {"capacity", service.admission.capacity()}});
}

void answer_metrics(Service& service, const std::shared_ptr<Exchange>& exchange) {
  answer_text(*exchange, service.metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
}

void answer_openapi(Service&, const std::shared_ptr<Exchange>& exchange) {
  answer_text(*exchange, std::string(kOpenApiJson), "application/json");
}

// What the console shows, once a second or so.
void answer_stats(Service& service, const std::shared_ptr<Exchange>& exchange) {
  const EngineCounters now = service.llm.counters();
  const EngineInfo& info = service.info;
  const Metrics::Totals totals = service.metrics.totals();
  const Recent::Latency latency = service.metrics.verdict_latency();
  const auto share = [](std::int64_t part, std::int64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  Json verdicts = Json::object();
  for (const char* label : {"Safe", "Controversial", "Unsafe", "Unavailable", "Error"}) {
    const auto found = totals.verdicts.find(label);
    verdicts[label] = found == totals.verdicts.end() ? 0 : found->second;
  }
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now() - service.started);
  answer_json(*exchange,
              {{"model", service.model_name()},
               {"version", version()},
               {"status", service.broken ? "broken" : (service.draining ? "draining" : "ok")},
               {"uptime_seconds", uptime.count()},
               {"policy", service.options.policy == Policy::kLoose ? "loose" : "strict"},
               {"policy_hash", service.policy_hash},
               {"guard", service.guard.has_value()},
               {"audit_log", service.sink != nullptr},
               {"load",
                {{"in_flight", service.admission.in_flight()},
                 {"capacity", service.admission.capacity()},
                 {"running", now.requests_running},
                 {"waiting", now.requests_waiting},
                 {"connections", service.connections.load()}}},
               {"latency_ms",
                {{"window_seconds", 60},
                 {"count", latency.count},
                 {"p50", latency.p50_ms},
                 {"p90", latency.p90_ms},
                 {"p99", latency.p99_ms}}},
               {"verdicts", std::move(verdicts)},
               {"requests", totals.requests},
               {"rates",
                {{"verdicts_per_second", service.metrics.verdicts_per_second()},
                 {"prompt_tokens_per_second", service.metrics.prompt_tokens_per_second()},
                 {"generation_tokens_per_second", service.metrics.generation_tokens_per_second()}}},
               {"kv_cache",
                {{"tokens", info.kv_cache_tokens},
                 {"tokens_in_use", now.kv_cache_tokens_in_use},
                 {"usage", share(now.kv_cache_tokens_in_use, info.kv_cache_tokens)}}},
               {"prefix_cache",
                {{"queries", now.prefix_cache_queries},
                 {"hits", now.prefix_cache_hits},
                 {"hit_rate", share(now.prefix_cache_hits, now.prefix_cache_queries)}}},
               {"engine",
                {{"device", info.device},
                 {"isa", info.isa},
                 {"threads", info.num_threads},
                 {"weights_dtype", info.weights_dtype},
                 {"max_model_len", info.max_model_len},
                 {"max_num_seqs", info.max_num_seqs}}}});
}

void answer_audit(Service& service, const std::shared_ptr<Exchange>& exchange) {
  if (service.sink == nullptr) {
    return answer_error(*exchange, {404, "no audit log is kept; start the server with --audit-log",
                                    error_type(404), "", "no_audit_log"});
  }
  auto found = service.sink->query_json(query_parameters(exchange->request().query));
  if (!found) return answer_error(*exchange, api_error(found.error()));
  answer_text(*exchange, std::move(*found), "application/json");
}

}  // namespace parapet::server
