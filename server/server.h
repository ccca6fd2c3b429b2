// The server: a model behind HTTP.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "parapet/error.h"
#include "parapet/llm.h"
#include "server/http/router.h"
#include "server/log/log.h"
#include "server/options.h"
#include "server/verdict_sink.h"

namespace parapet::server {

class Server {
 public:
  // Binds before the model is loaded, so that a taken port is told at once; `log` and `sink` (may
  // be null) must outlive it.
  static Result<std::unique_ptr<Server>> bind(const ServerOptions& options, const Log& log,
                                              VerdictSink* sink);
  ~Server();

  // Further routes, before run().
  void add(Route route);
  // Serves the model until SIGTERM or SIGINT, then drains: what is under way is answered, and
  // nothing new is taken. A second signal, or drain_timeout, ends that too. True where all was
  // answered.
  bool run(LLM llm);
  // What a signal does, from any thread.
  void drain();
  std::string address() const;  // "http://0.0.0.0:8000", "unix:/run/parapet.sock"

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet::server
