#include "server/service/answers.h"

#include <chrono>
#include <utility>

namespace parapet::server {

void answer_json(Exchange& exchange, const Json& json) {
  exchange.respond({200, "application/json", to_text(json), {}});
}

void answer_json(Exchange& exchange, JsonWriter json) {
  exchange.respond({200, "application/json", json.take(), {}});
}

void answer_error(Exchange& exchange, const ApiError& error) {
  Response response{error.status, "application/json", error_json(error), {}};
  if (error.retry_after_seconds > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_seconds));
  }
  exchange.respond(std::move(response));
}

void answer_text(Exchange& exchange, std::string text, std::string content_type) {
  exchange.respond({200, std::move(content_type), std::move(text), {}});
}

void start_events(Exchange& exchange) {
  // The last one tells nginx to pass pieces on as they come.
  exchange.start_stream(
      {200, "text/event-stream", "", {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}}});
}

std::string event(const Json& json) { return "data: " + to_text(json) + "\n\n"; }

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace parapet::server
