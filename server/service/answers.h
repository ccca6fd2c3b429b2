// The ways in which handlers answer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "server/http/exchange.h"
#include "server/json/api_error.h"
#include "server/json/json.h"
#include "server/json/json_writer.h"

namespace parapet::server {

void answer_json(Exchange& exchange, const Json& json);
void answer_json(Exchange& exchange, JsonWriter json);
void answer_error(Exchange& exchange, const ApiError& error);
// What read(body), a std::variant<Asked, ApiError>, makes of the request's JSON. Empty where that
// failed: the error is answered.
template <class Asked, class Read>
std::optional<Asked> read_or_answer(Exchange& exchange, const Read& read) {
  const auto body = parse_json(exchange.request().body);
  if (!body) {
    answer_error(exchange, api_error(body.error()));
    return std::nullopt;
  }
  std::variant<Asked, ApiError> asked = read(*body);
  if (const auto* error = std::get_if<ApiError>(&asked)) {
    answer_error(exchange, *error);
    return std::nullopt;
  }
  return std::get<Asked>(std::move(asked));
}
void answer_text(Exchange& exchange, std::string text,
                 std::string content_type = "text/plain; charset=utf-8");

// Server-sent events.
void start_events(Exchange& exchange);
std::string event(const Json& json);
inline constexpr const char* kDoneEvent = "data: [DONE]\n\n";

// Seconds since 1970, as OpenAI's "created".
std::int64_t unix_seconds();

}  // namespace parapet::server
