// A server in this process, for measuring.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "parapet/error.h"
#include "parapet/guard.h"
#include "parapet/llm.h"
#include "server/log/log.h"
#include "server/options.h"
#include "server/server.h"

namespace parapet::server {

class OwnServer {
 public:
  // On a free port of the loopback; what it logs are errors alone.
  static Result<std::unique_ptr<OwnServer>> start(const ModelOptions& model,
                                                  const ServerOptions& options);
  ~OwnServer();

  std::string url() const { return server_->address(); }
  const EngineInfo& engine() const { return engine_; }
  // Of the model that the server serves: the same engine, asked without HTTP. Null where the model
  // is no guard, and after drain().
  Guard* guard() { return guard_ ? &*guard_ : nullptr; }

  // As SIGTERM does.
  void drain();
  struct Drained {
    bool all_answered = false;
    std::chrono::steady_clock::time_point at;  // when it was over
  };
  // Waits for its end.
  Drained join();

 private:
  OwnServer() = default;

  Log log_{LogFormat::kText, LogLevel::kError};
  std::unique_ptr<Server> server_;
  EngineInfo engine_;
  std::optional<Guard> guard_;
  std::thread thread_;
  Drained drained_;  // of the thread, until it is joined
};

}  // namespace parapet::server
