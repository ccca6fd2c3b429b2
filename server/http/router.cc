#include "server/http/router.h"

#include <utility>

namespace parapet::server {
namespace {

// A longer body may take the JSON parser and the tokenizer more than a millisecond, in which no
// other connection of the thread would move.
constexpr std::size_t kLongBody = std::size_t{32} << 10;

bool matches(const Route& route, std::string_view path) {
  if (!route.path.ends_with("/*")) return route.path == path;
  return path.starts_with(std::string_view(route.path).substr(0, route.path.size() - 1));
}

bool takes(const Route& route, std::string_view method) {
  return route.method == method || (route.method == "GET" && method == "HEAD");
}

}  // namespace

Router::Router(ApiKeys keys, Cors cors, ErrorBody error_body, Work work)
    : keys_(std::move(keys)),
      cors_(std::move(cors)),
      error_body_(std::move(error_body)),
      work_(std::move(work)) {}

void Router::add(Route route) { routes_.push_back(std::move(route)); }

void Router::handle(const std::shared_ptr<Exchange>& exchange) const {
  const Request& request = exchange->request();
  if (cors_.is_preflight(request)) {
    return exchange->respond({204, "", "", cors_.preflight_headers(request)});
  }
  exchange->add_headers(cors_.headers(request));

  std::string allowed;
  for (const Route& route : routes_) {
    if (!matches(route, request.path)) continue;
    if (takes(route, request.method)) {
      if (route.is_public || keys_.admit(request.header("authorization"))) {
        return run(route, exchange);
      }
      return answer(exchange, 401, "send one of the server's keys as 'Authorization: Bearer KEY'",
                    {{"WWW-Authenticate", "Bearer"}});
    }
    allowed += (allowed.empty() ? "" : ", ") + route.method;
  }
  // Who has no key is not told what there is.
  if (!keys_.admit(request.header("authorization"))) {
    return answer(exchange, 401, "send one of the server's keys as 'Authorization: Bearer KEY'",
                  {{"WWW-Authenticate", "Bearer"}});
  }
  if (!allowed.empty()) {
    return answer(exchange, 405, "this path takes " + allowed + " alone", {{"Allow", allowed}});
  }
  answer(exchange, 404, "there is nothing at this path; GET /openapi.json tells what there is");
}

void Router::run(const Route& route, const std::shared_ptr<Exchange>& exchange) const {
  exchange->set_route(route.path);
  if (!route.waits && exchange->request().body.size() < kLongBody) return route.handler(exchange);
  work_([&route, exchange] { route.handler(exchange); });
}

void Router::answer(const std::shared_ptr<Exchange>& exchange, int status,
                    const std::string& message, Headers headers) const {
  exchange->respond({status, "application/json", error_body_(status, message), std::move(headers)});
}

}  // namespace parapet::server
