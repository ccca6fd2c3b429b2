// The open door: accepts connections and keeps count of them, on a few threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "parapet/error.h"
#include "server/http/exchange.h"
#include "server/http/limits.h"

namespace parapet::server {

struct ListenerOptions {
  std::string host = "0.0.0.0";
  int port = 8000;        // 0: any that is free
  std::string uds;        // path of a Unix socket, instead of host and port
  int num_threads = 1;    // that read and write, whatever the number of connections
  int num_workers = 2;    // that do what may take longer than a few milliseconds
  std::string root_path;  // what a proxy in front leaves before every path
  HttpLimits limits;
};

// What the HTTP layer asks of those above it.
struct HttpHooks {
  Handler on_request;  // on a connection's strand; must return soon
  // When the last byte of an answer has left; on the connection's strand.
  std::function<void(const Exchange&, int status)> on_answered;
  // The body of an answer that the HTTP layer itself gives (400, 408, 413, 431, 503).
  std::function<std::string(int status, const std::string& message)> error_body;
};

class Listener {
 public:
  // Binds; kIo where it cannot. Nothing is accepted before run().
  static Result<std::unique_ptr<Listener>> bind(const ListenerOptions& options, HttpHooks hooks);
  ~Listener();

  // Starts the threads and accepts.
  void run();
  // Accepts whoever is connected already and then nobody, closes idle connections, and the others
  // after their answer. One that was made or answered just now has Connection::kNextRequest to ask
  // once more. `drained` is called on a thread of the listener when the last is gone.
  void drain(std::function<void()> drained);
  // Ends the threads and drops what is still open.
  void stop();

  // On one of the workers.
  void work(std::function<void()> job);
  // On a thread of the listener, once it runs.
  void post(std::function<void()> job);
  // Again and again, on a thread of the listener, until it stops.
  void every(std::chrono::milliseconds period, std::function<void()> tick);
  // Once, when the process gets SIGTERM or SIGINT, and again for each further one.
  void on_signal(std::function<void(int signal)> handler);

  bool draining() const;
  std::int64_t num_connections() const;
  // What the threads that read and write have computed so far, while it runs.
  double io_cpu_seconds() const;
  int port() const;
  std::string address() const;  // "http://0.0.0.0:8000", "unix:/run/parapet.sock"

 private:
  struct Impl;
  explicit Listener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet::server
