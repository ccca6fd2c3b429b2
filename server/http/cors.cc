#include "server/http/cors.h"

#include <fmt/format.h>

#include <algorithm>

namespace parapet::server {
namespace {

bool is_any(const std::vector<std::string>& allowed) {
  return std::ranges::find(allowed, "*") != allowed.end();
}

}  // namespace

bool Cors::allows(std::string_view origin) const {
  if (origin.empty()) return false;
  return is_any(options_.allowed_origins) ||
         std::ranges::find(options_.allowed_origins, origin) != options_.allowed_origins.end();
}

Headers Cors::headers(const Request& request) const {
  const std::string_view origin = request.header("origin");
  if (!allows(origin)) return {};
  // With credentials, browsers take no "*".
  const bool any = is_any(options_.allowed_origins) && !options_.allow_credentials;
  Headers headers = {{"Access-Control-Allow-Origin", any ? "*" : std::string(origin)}};
  if (!any) headers.emplace_back("Vary", "Origin");
  if (options_.allow_credentials) {
    headers.emplace_back("Access-Control-Allow-Credentials", "true");
  }
  return headers;
}

bool Cors::is_preflight(const Request& request) const {
  return request.method == "OPTIONS" && allows(request.header("origin")) &&
         !request.header("access-control-request-method").empty();
}

Headers Cors::preflight_headers(const Request& request) const {
  Headers headers = this->headers(request);
  const auto value = [&](const std::vector<std::string>& allowed, const char* asked) {
    return is_any(allowed) ? std::string(request.header(asked))
                           : fmt::format("{}", fmt::join(allowed, ", "));
  };
  headers.emplace_back("Access-Control-Allow-Methods",
                       value(options_.allowed_methods, "access-control-request-method"));
  if (!request.header("access-control-request-headers").empty()) {
    headers.emplace_back("Access-Control-Allow-Headers",
                         value(options_.allowed_headers, "access-control-request-headers"));
  }
  headers.emplace_back("Access-Control-Max-Age", "600");
  return headers;
}

}  // namespace parapet::server
