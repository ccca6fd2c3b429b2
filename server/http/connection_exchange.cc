#include "server/http/connection_exchange.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace parapet::server {

namespace net = boost::asio;

// Calls work(connection) on the strand, unless the exchange has ended by then.
template <class Work>
void ConnectionExchange::on_strand(Work work) {
  net::dispatch(connection_->socket_.get_executor(),
                [self = shared_from_this(), work = std::move(work)]() mutable {
                  if (!self->ended_) work(*self->connection_);
                });
}

ConnectionExchange::~ConnectionExchange() {
  if (ended_) return;
  // Nobody is left who could answer.
  net::post(connection_->socket_.get_executor(),
            [connection = connection_] { connection->close(); });
}

void ConnectionExchange::respond(Response response) {
  add_own_headers(response);
  on_strand([response = std::move(response)](Connection& connection) mutable {
    connection.respond(std::move(response));
  });
}

void ConnectionExchange::start_stream(Response head) {
  add_own_headers(head);
  on_strand([head = std::move(head)](Connection& connection) mutable {
    connection.start_stream(std::move(head));
  });
}

void ConnectionExchange::send(std::string bytes) {
  on_strand([bytes = std::move(bytes)](Connection& connection) mutable {
    connection.send(std::move(bytes));
  });
}

void ConnectionExchange::finish_stream() {
  on_strand([](Connection& connection) { connection.finish_stream(); });
}

void ConnectionExchange::post(std::function<void()> work) {
  net::dispatch(connection_->socket_.get_executor(), std::move(work));
}

void ConnectionExchange::on_gone(std::function<void()> gone) {
  net::dispatch(connection_->socket_.get_executor(),
                [self = shared_from_this(), gone = std::move(gone)]() mutable {
                  if (self->gone_) {
                    gone();
                  } else if (!self->ended_) {
                    self->on_gone_ = std::move(gone);
                  }
                });
}

void ConnectionExchange::at_deadline(std::chrono::steady_clock::time_point deadline,
                                     std::function<void()> expired) {
  on_strand([self = weak_from_this(), deadline,
             expired = std::move(expired)](Connection& connection) mutable {
    connection.deadline_.expires_at(deadline);
    connection.deadline_.async_wait(
        [self = std::move(self), expired = std::move(expired)](boost::system::error_code error) {
          const auto exchange = self.lock();
          if (!error && exchange && !exchange->ended_) expired();
        });
  });
}

void ConnectionExchange::add_own_headers(Response& response) const {
  response.headers.emplace_back("X-Request-Id", request().id);
  response.headers.insert(response.headers.end(), added_headers().begin(), added_headers().end());
}

void ConnectionExchange::end(bool gone) {
  ended_ = true;
  gone_ = gone;
  if (auto call = std::exchange(on_gone_, nullptr); call && gone) call();
}

}  // namespace parapet::server
