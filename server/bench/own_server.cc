#include "server/bench/own_server.h"

#include <utility>

namespace parapet::server {

Result<std::unique_ptr<OwnServer>> OwnServer::start(const ModelOptions& model,
                                                    const ServerOptions& options) {
  std::unique_ptr<OwnServer> own(new OwnServer);
  ServerOptions served = options;
  served.listener.host = "127.0.0.1";
  served.listener.port = 0;
  served.take_signals = false;
  served.model_names = {model.model.string()};
  auto bound = Server::bind(served, own->log_, /*sink=*/nullptr);
  if (!bound) return bound.error();
  own->server_ = std::move(*bound);
  auto llm = LLM::load(model);
  if (!llm) return llm.error();
  if (auto guard = Guard::from(*llm)) own->guard_.emplace(std::move(*guard));
  own->engine_ = llm->info();
  own->thread_ = std::thread([self = own.get(), served_model = std::move(*llm)]() mutable {
    self->drained_.all_answered = self->server_->run(std::move(served_model));
    self->drained_.at = std::chrono::steady_clock::now();
  });
  return own;
}

OwnServer::~OwnServer() {
  if (!thread_.joinable()) return;
  drain();
  join();
}

void OwnServer::drain() {
  guard_.reset();
  server_->drain();
}

OwnServer::Drained OwnServer::join() {
  thread_.join();
  return drained_;
}

}  // namespace parapet::server
