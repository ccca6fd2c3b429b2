// An HTTP client that has thousands of requests under way on one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "parapet/error.h"

namespace parapet::server {

// "http://127.0.0.1:8000", "http://host/behind/a/proxy", or "unix:/run/parapet.sock".
struct ServerUrl {
  std::string host;
  std::string port;
  std::string prefix;  // before every path; empty, or "/behind/a/proxy"
  std::string uds;     // instead of host and port

  static Result<ServerUrl> parse(std::string_view text);
};

struct HttpAnswer {
  int status = 0;  // 0: none came, and `error` says why
  std::string body;
  std::string error;
  bool was_sent = true;  // false: no connection was made for it, and no server has seen any of it
};

// All calls, and all callbacks, are of the thread that runs it.
class LoadClient {
 public:
  using Clock = std::chrono::steady_clock;
  using OnAnswer = std::function<void(HttpAnswer)>;

  // kInvalidArgument: the host has no address. Connections are opened when there is something to
  // send and none is idle, and kept.
  static Result<std::unique_ptr<LoadClient>> create(const ServerUrl& url,
                                                    std::size_t max_connections);
  ~LoadClient();

  // `request` is a whole message, sent as it is; where all connections are busy it waits for one.
  void send(std::shared_ptr<const std::string> request, OnAnswer on_answer);
  void at(Clock::time_point time, std::function<void()> call);

  // Until there is nothing left to wait for. What is not answered at `give_up` is answered then,
  // with an error.
  void run(Clock::time_point give_up);
  // One request, alone: sends it and runs until it is answered.
  HttpAnswer ask(std::shared_ptr<const std::string> request);

 private:
  struct Impl;
  class Wire;
  explicit LoadClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet::server
