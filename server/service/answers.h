// The ways in which handlers answer.
#pragma once

#include <memory>
#include <string>

#include "server/http/exchange.h"
#include "server/json/api_error.h"
#include "server/json/json.h"

namespace parapet::server {

void answer_json(Exchange& exchange, const Json& json);
void answer_error(Exchange& exchange, const ApiError& error);
void answer_text(Exchange& exchange, std::string text,
                 std::string content_type = "text/plain; charset=utf-8");

// Server-sent events.
void start_events(Exchange& exchange);
std::string event(const Json& json);
inline constexpr const char* kDoneEvent = "data: [DONE]\n\n";

// Seconds since 1970, as OpenAI's "created".
std::int64_t unix_seconds();

}  // namespace parapet::server
