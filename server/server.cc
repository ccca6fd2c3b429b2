#include "server/server.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "server/json/api_error.h"
#include "server/openai/routes.h"
#include "server/service/answers.h"
#include "server/service/service.h"
#include "server/service/side_doors.h"
#include "server/verdicts/routes.h"

namespace parapet::server {
namespace {

constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::seconds kStatsPeriod{10};

std::string own_error_body(int status, const std::string& message) {
  return error_json({.status = status, .message = message, .type = error_type(status)});
}

}  // namespace

struct Server::Impl {
  Impl(const ServerOptions& given, const Log& logger, VerdictSink* verdict_sink, ApiKeys api_keys)
      : options(given),
        log(logger),
        sink(verdict_sink),
        has_keys(!api_keys.empty()),
        keys(std::move(api_keys)) {
    options.api_keys.clear();  // from here on there are only digests
  }

  ServerOptions options;
  const Log& log;
  VerdictSink* sink;
  bool has_keys;
  ApiKeys keys;
  std::vector<Route> further;

  std::mutex mutex;  // of the two below
  std::condition_variable changed;
  bool ended = false;
  bool drained = false;

  // The service's model ends before the listener's threads and connections do: what it still calls
  // at its end finds them.
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Router> router;
  std::unique_ptr<Service> service;
  std::unique_ptr<VerdictStreams> streams;
  EngineCounters logged;  // at the last line of statistics
  Metrics::Totals logged_totals;

  void add_routes();
  void log_start() const;
  void on_answered(const Exchange& exchange, int status);
  void tick();
  void log_stats();
  void drain();
  void end(bool all_answered);
};

void Server::Impl::add_routes() {
  using Answer = void (*)(Service&, const std::shared_ptr<Exchange>&);
  const auto add = [&](const char* method, const char* path, Answer answer, bool is_public = false,
                       bool waits = false) {
    router->add(
        {method, path,
         [this, answer](const std::shared_ptr<Exchange>& exchange) { answer(*service, exchange); },
         is_public, waits});
  };
  add("GET", "/health", answer_health, /*is_public=*/true);
  add("GET", "/ping", answer_health, /*is_public=*/true);
  add("POST", "/ping", answer_health, /*is_public=*/true);
  add("GET", "/version", answer_version);
  add("GET", "/load", answer_load);
  add("GET", "/metrics", answer_metrics);
  add("GET", "/openapi.json", answer_openapi);
  add("POST", "/tokenize", answer_tokenize);
  add("POST", "/detokenize", answer_detokenize);
  add("GET", "/tokenizer_info", answer_tokenizer_info);
  add("GET", "/v1/models", answer_models);
  add("GET", "/v1/models/*", answer_models);
  add("POST", "/v1/chat/completions", answer_chat);
  add("POST", "/v1/completions", answer_completions);
  add("POST", "/v1/moderations", answer_moderations);
  add("POST", "/v1/verdicts", answer_verdicts);
  add("GET", "/v1/console/stats", answer_stats);
  add("GET", "/v1/audit", answer_audit, /*is_public=*/false, /*waits=*/true);

  using Method = void (VerdictStreams::*)(const std::shared_ptr<Exchange>&);
  const auto add_stream = [&](const char* method, const char* path, Method answer) {
    router->add({method, path, [this, answer](const std::shared_ptr<Exchange>& exchange) {
                   (streams.get()->*answer)(exchange);
                 }});
  };
  add_stream("POST", "/v1/verdicts/stream", &VerdictStreams::open);
  add_stream("POST", "/v1/verdicts/stream/*", &VerdictStreams::append);
  add_stream("GET", "/v1/verdicts/stream/*", &VerdictStreams::tell);
  add_stream("DELETE", "/v1/verdicts/stream/*", &VerdictStreams::close);
  for (Route& route : further) router->add(std::move(route));
}

void Server::Impl::log_start() const {
  std::string routes;
  for (const Route& route : router->routes()) {
    routes += fmt::format("{}{} {}", routes.empty() ? "" : ", ", route.method, route.path);
  }
  log.info("Available routes are: " + routes);
  log.info("Starting Parapet API server on " + listener->address(),
           {{"model", service->model_name()}, {"keys", has_keys}});
  log.info("Application startup complete.");
}

void Server::Impl::tick() {
  service->connections = listener->num_connections();
  service->metrics.tick();
  streams->tick();
}

// vLLM's line, where something happened since the last one.
void Server::Impl::log_stats() {
  const EngineCounters now = service->llm.counters();
  const Metrics::Totals totals = service->metrics.totals();
  const auto& before = logged_totals;
  const bool idle = now.steps == logged.steps && now.requests_running + now.requests_waiting == 0;
  if (!idle && options.log_stats) {
    const auto seconds = static_cast<double>(kStatsPeriod.count());
    const auto rate = [&](std::int64_t count) { return static_cast<double>(count) / seconds; };
    const EngineInfo& info = service->info;
    const double queries = static_cast<double>(now.prefix_cache_queries);
    log.info(fmt::format(
        "Engine 000: Avg prompt throughput: {:.1f} tokens/s, Avg generation throughput: {:.1f} "
        "tokens/s, Running: {} reqs, Waiting: {} reqs, KV cache usage: {:.1f}%, Prefix cache hit "
        "rate: {:.1f}%",
        rate(totals.prompt_tokens - before.prompt_tokens),
        rate(totals.generation_tokens - before.generation_tokens), now.requests_running,
        now.requests_waiting,
        100.0 * static_cast<double>(now.kv_cache_tokens_in_use) /
            static_cast<double>(std::max<std::int64_t>(1, info.kv_cache_tokens)),
        queries == 0 ? 0.0 : 100.0 * static_cast<double>(now.prefix_cache_hits) / queries));
  }
  logged = now;
  logged_totals = totals;
}

void Server::Impl::drain() {
  if (service->draining.exchange(true)) return end(false);
  log.info("Shutting down: answering what is under way",
           {{"in_flight", service->admission.in_flight()}});
  listener->drain([this] { end(true); });
  const std::lock_guard lock(mutex);
  changed.notify_all();
}

void Server::Impl::end(bool all_answered) {
  const std::lock_guard lock(mutex);
  if (!ended) drained = all_answered;
  ended = true;
  changed.notify_all();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::bind(const ServerOptions& options, const Log& log,
                                             VerdictSink* sink) {
  auto keys = ApiKeys::read(options.api_keys);
  if (!keys) return keys.error();
  auto impl = std::make_unique<Impl>(options, log, sink, std::move(*keys));
  HttpHooks hooks;
  hooks.error_body = own_error_body;
  hooks.on_answered = [state = impl.get()](const Exchange& exchange, int status) {
    state->on_answered(exchange, status);
  };
  hooks.on_request = [state = impl.get()](const std::shared_ptr<Exchange>& exchange) {
    state->router->handle(exchange);
  };
  auto listener = Listener::bind(impl->options.listener, std::move(hooks));
  if (!listener) return listener.error();
  impl->listener = std::move(*listener);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::drain() {
  impl_->listener->post([impl = impl_.get()] { impl->drain(); });
}

std::string Server::address() const { return impl_->listener->address(); }

void Server::add(Route route) { impl_->further.push_back(std::move(route)); }

// One line a request, where that is asked for: all about it but what it says.
void Server::Impl::on_answered(const Exchange& exchange, int status) {
  const Request& request = exchange.request();
  service->metrics.count_http(exchange.route(), request.method, status);
  if (!options.log_requests) return;
  const std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - request.arrived;
  log.info("Request", {{"id", request.id},
                       {"method", request.method},
                       {"route", std::string(exchange.route())},
                       {"status", std::int64_t{status}},
                       {"bytes", static_cast<std::int64_t>(request.body.size())},
                       {"ms", elapsed.count()}});
}

bool Server::run(LLM llm) {
  Impl& impl = *impl_;
  impl.router = std::make_unique<Router>(
      std::move(impl.keys), Cors(impl.options.cors), own_error_body,
      [&impl](std::function<void()> job) { impl.listener->work(std::move(job)); });
  impl.service = std::make_unique<Service>(impl.options, std::move(llm), impl.log, impl.sink);
  impl.service->io_cpu_seconds = [&impl] { return impl.listener->io_cpu_seconds(); };
  impl.streams = std::make_unique<VerdictStreams>(*impl.service);
  if (impl.service->guard) {
    if (const auto status = impl.service->guard->prefill_policies(); !status) {
      impl.log.warning("The policies were not computed in advance: " + status.error().message);
    }
  } else {
    impl.log.warning("No verdicts from this model: " + impl.service->no_guard);
  }
  impl.add_routes();
  impl.listener->every(kTick, [&impl] { impl.tick(); });
  impl.listener->every(kStatsPeriod, [&impl] { impl.log_stats(); });
  if (impl.options.take_signals) impl.listener->on_signal([&impl](int) { impl.drain(); });
  impl.listener->run();
  impl.log_start();

  std::unique_lock lock(impl.mutex);
  impl.changed.wait(lock, [&] { return impl.service->draining.load(); });
  impl.changed.wait_for(lock, impl.options.drain_timeout, [&] { return impl.ended; });
  const bool all_answered = impl.drained;
  lock.unlock();
  impl.listener->stop();
  impl.streams.reset();
  impl.service.reset();  // cancels what is left, whose connections are still there to be told
  return all_answered;
}

}  // namespace parapet::server
