// The exchange of one request on a connection.
#pragma once

#include "server/http/connection.h"

namespace parapet::server {

class ConnectionExchange final : public Exchange,
                                 public std::enable_shared_from_this<ConnectionExchange> {
 public:
  ConnectionExchange(std::shared_ptr<Connection> connection, Request request)
      : Exchange(std::move(request)), connection_(std::move(connection)) {}
  ~ConnectionExchange() override;

  void respond(Response response) override;
  void start_stream(Response head) override;
  void send(std::string bytes) override;
  void finish_stream() override;
  void post(std::function<void()> work) override;
  void on_gone(std::function<void()> gone) override;
  void at_deadline(std::chrono::steady_clock::time_point deadline,
                   std::function<void()> expired) override;

  // On the strand. The connection has nothing more to do with it: the answer is sent or the client
  // is gone.
  void end(bool gone);

 private:
  void add_own_headers(Response& response) const;
  template <class Work>
  void on_strand(Work work);

  const std::shared_ptr<Connection> connection_;
  bool ended_ = false;  // of the strand, as all that follows
  bool gone_ = false;
  std::function<void()> on_gone_;
};

}  // namespace parapet::server
