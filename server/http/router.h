// Which handler a request goes to, and what stands before all of them: keys, other origins,
// methods.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/api_keys.h"
#include "server/http/cors.h"
#include "server/http/exchange.h"

namespace parapet::server {

struct Route {
  std::string method;  // "GET" answers HEAD too
  std::string path;    // "/v1/models"; one that ends in "/*" stands for all below it
  Handler handler;
  bool is_public = false;  // needs no key
  bool waits = false;      // may read from a disk: runs on a worker
};

class Router {
 public:
  using ErrorBody = std::function<std::string(int status, const std::string& message)>;
  using Work = std::function<void(std::function<void()>)>;

  Router(ApiKeys keys, Cors cors, ErrorBody error_body, Work work);

  void add(Route route);
  void handle(const std::shared_ptr<Exchange>& exchange) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  void answer(const std::shared_ptr<Exchange>& exchange, int status, const std::string& message,
              Headers headers = {}) const;
  void run(const Route& route, const std::shared_ptr<Exchange>& exchange) const;

  ApiKeys keys_;
  Cors cors_;
  ErrorBody error_body_;
  Work work_;
  std::vector<Route> routes_;
};

}  // namespace parapet::server
