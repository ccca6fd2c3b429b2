// Parapet's own routes: verdicts.
#pragma once

#include "server/http/exchange.h"
#include "server/service/service.h"

namespace parapet::server {

// POST /v1/verdicts
void answer_verdicts(Service& service, const std::shared_ptr<Exchange>& exchange);

// Conversations that grow, and are judged as they do.
class VerdictStreams {
 public:
  explicit VerdictStreams(Service& service);
  ~VerdictStreams();

  void open(const std::shared_ptr<Exchange>& exchange);    // POST /v1/verdicts/stream
  void append(const std::shared_ptr<Exchange>& exchange);  // POST /v1/verdicts/stream/{id}
  void tell(const std::shared_ptr<Exchange>& exchange);    // GET
  void close(const std::shared_ptr<Exchange>& exchange);   // DELETE
  // Once a second: closes those that nobody appends to.
  void tick();

 private:
  struct Stream;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet::server
