// One request and the answer to it, from whichever thread knows it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "server/http/message.h"

namespace parapet::server {

// Every method may be called from any thread. What comes after the answer, or after the client has
// left, is ignored. Dropping the last reference without an answer closes the connection.
class Exchange {
 public:
  explicit Exchange(Request request) : request_(std::move(request)) {}
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request() const { return request_; }
  // Further headers of whatever answer comes; before the request is handed on.
  void add_headers(const Headers& headers) {
    headers_.insert(headers_.end(), headers.begin(), headers.end());
  }
  // The path of the route that it went to, as metrics name it; must outlive the exchange.
  std::string_view route() const { return route_; }
  void set_route(std::string_view route) { route_ = route; }

  // The whole answer.
  virtual void respond(Response response) = 0;

  // Or an answer in pieces: its head, then bytes, then the end. A client that reads too slowly for
  // the pieces to leave is dropped.
  virtual void start_stream(Response head) = 0;
  virtual void send(std::string bytes) = 0;
  virtual void finish_stream() = 0;

  // Runs on the connection's own strand: for work that the engine's thread must not do.
  virtual void post(std::function<void()> work) = 0;
  // Called once, when the client has left before the whole answer was sent; at once where it
  // already has. A later call replaces what an earlier one asked for.
  virtual void on_gone(std::function<void()> gone) = 0;
  // Called once at that time, unless there is an answer or the client has left by then.
  virtual void at_deadline(std::chrono::steady_clock::time_point deadline,
                           std::function<void()> expired) = 0;

 protected:
  const Headers& added_headers() const { return headers_; }

 private:
  const Request request_;
  Headers headers_;
  std::string_view route_ = "none";
};

using Handler = std::function<void(const std::shared_ptr<Exchange>&)>;

}  // namespace parapet::server
