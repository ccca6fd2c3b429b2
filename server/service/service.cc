#include "server/service/service.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "server/digest/sha256.h"

namespace parapet::server {
namespace {

constexpr std::int64_t kLongestDeadlineMs = std::int64_t{24} * 3600 * 1000;

// What the template makes of a short prompt and a short response: two servers with the same hash
// ask their models the same question.
std::string policy_hash_of(const ChatTokenizer& tokenizer) {
  std::string rendered;
  for (const Conversation& conversation :
       {Conversation{{"user", "a"}}, Conversation{{"user", "a"}, {"assistant", "a"}}}) {
    if (const auto text = tokenizer.render(conversation)) rendered += text->text;
    rendered += '\0';
  }
  return to_hex(sha256(rendered));
}

Metrics::Sources sources_of(Service& service) {
  return {service.model_name(),
          service.info,
          [&service] { return service.llm.counters(); },
          [&service] { return service.admission.in_flight(); },
          [&service] { return service.connections.load(); },
          [&service] { return service.io_cpu_seconds(); }};
}

}  // namespace

Service::Service(ServerOptions given, LLM model, const Log& logger, VerdictSink* verdict_sink)
    : options(std::move(given)),
      llm(std::move(model)),
      info(llm.info()),
      log(logger),
      sink(verdict_sink),
      policy_hash(policy_hash_of(llm.tokenizer())),
      chat_template_kwargs(Json::object()),
      admission(info.max_num_seqs, options.max_waiting),
      metrics(sources_of(*this)) {
  auto made = Guard::from(llm);
  if (made) {
    guard.emplace(std::move(*made));
  } else {
    no_guard = made.error().message;
  }
  if (!options.chat_template_kwargs.empty()) {
    if (auto kwargs = parse_json(options.chat_template_kwargs)) chat_template_kwargs = *kwargs;
  }
}

// Answers count and are written down: the books and the sink are there until the last of them.
Service::~Service() {
  guard.reset();
  { const LLM ending = std::move(llm); }
  if (sink != nullptr) sink->flush();
}

std::optional<ApiError> Service::check_model(const std::string& name) const {
  const auto& names = options.model_names;
  if (name.empty() || std::ranges::find(names, name) != names.end()) return std::nullopt;
  return ApiError{404, "the model is not served here; GET /v1/models lists what is",
                  "not_found_error", "model", "model_not_found"};
}

std::optional<std::chrono::milliseconds> Deadline::patience() const {
  if (!time) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*time -
                                                               std::chrono::steady_clock::now());
}

std::variant<Deadline, ApiError> deadline_of(const Service& service, const Request& request,
                                             std::int64_t body_ms) {
  std::int64_t ms = body_ms > 0 ? body_ms : service.options.default_deadline.count();
  const std::string_view header = request.header("x-deadline-ms");
  if (body_ms == 0 && !header.empty()) {
    const auto [end, problem] = std::from_chars(header.data(), header.data() + header.size(), ms);
    if (problem != std::errc() || end != header.data() + header.size() || ms < 1) {
      return ApiError{.message =
                          "the header X-Deadline-Ms must be a number of milliseconds, 1 or more"};
    }
  }
  if (ms == 0) return Deadline{};
  return Deadline{request.arrived + std::chrono::milliseconds(std::min(ms, kLongestDeadlineMs))};
}

std::variant<Admission::Ticket, ApiError> admit(Service& service, std::int64_t count,
                                                const Deadline& deadline) {
  if (service.draining) {
    service.metrics.count_refusal("draining");
    return ApiError{503, "the server is shutting down", error_type(503), "", "draining", 1};
  }
  auto entered = service.admission.enter(count, deadline.patience());
  if (auto* ticket = std::get_if<Admission::Ticket>(&entered)) return std::move(*ticket);
  const auto& refusal = std::get<Admission::Refusal>(entered);
  service.metrics.count_refusal(refusal.too_late ? "deadline" : "full");
  const char* message = refusal.too_late
                            ? "the server is too busy to answer before the request's deadline"
                            : "the server has as many requests as it can hold; try again later";
  return ApiError{429, message, error_type(429), "", "overloaded", refusal.retry_after_seconds};
}

void cancel_when_over(Exchange& exchange, const Deadline& deadline,
                      std::vector<RequestHandle> requests, std::function<void()> timed_out) {
  const auto cancel = [requests = std::move(requests)] {
    for (const RequestHandle& request : requests) request.cancel();
  };
  exchange.on_gone(cancel);
  if (!deadline.time) return;
  exchange.at_deadline(*deadline.time, [timed_out = std::move(timed_out), cancel] {
    timed_out();
    cancel();
  });
}

}  // namespace parapet::server
