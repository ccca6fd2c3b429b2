#include "server/console/console_routes.h"

#include <string>

#include "server/console/console_assets.h"

namespace parapet::server {
namespace {

void answer_asset(const ConsoleAsset& asset, Exchange& exchange) {
  Response response;
  response.content_type = asset.content_type;
  response.headers.emplace_back("ETag", asset.etag);
  for (const auto& [name, value] : console_headers()) response.headers.emplace_back(name, value);
  if (exchange.request().header("if-none-match") == asset.etag) {
    response.status = 304;
  } else {
    response.body = asset.content;
  }
  exchange.respond(std::move(response));
}

}  // namespace

std::vector<Route> console_routes() {
  std::vector<Route> routes;
  for (const ConsoleAsset& asset : console_assets()) {
    routes.push_back({.method = "GET",
                      .path = std::string(asset.path),
                      .handler =
                          [&asset](const std::shared_ptr<Exchange>& exchange) {
                            answer_asset(asset, *exchange);
                          },
                      .is_public = true});
  }
  return routes;
}

}  // namespace parapet::server
