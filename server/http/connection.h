// One connection: reads requests, hands them on, writes answers, and watches for a client that
// leaves.
#pragma once

#include <atomic>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "server/http/exchange.h"
#include "server/http/limits.h"
#include "server/http/listener.h"

namespace parapet::server {

// What all connections of a listener share.
struct ConnectionShared {
  HttpHooks hooks;
  HttpLimits limits;
  std::string root_path;
  std::atomic<bool> draining = false;
  std::atomic<std::size_t> bodies_bytes = 0;  // of requests being read or answered
};

class ConnectionExchange;

// All but start() and close_when_idle() happens on the strand of its socket. It lives as long as an
// operation is pending on it or an exchange refers to it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  Connection(Socket socket, std::shared_ptr<ConnectionShared> shared,
             std::function<void(Connection*)> on_end);
  ~Connection();

  // While the server drains: for the next request of whoever has just connected, or was just
  // answered and told that the connection would be kept.
  static constexpr std::chrono::milliseconds kNextRequest{250};

  void start();
  // After the requests that have come, or may be on their way.
  void close_when_idle();

 private:
  friend class ConnectionExchange;
  using ErrorCode = boost::system::error_code;

  enum class State : std::uint8_t { kIdle, kReading, kAnswering, kLingering, kClosed };

  // Reading.
  void watch();
  void on_watched(ErrorCode error, std::size_t bytes);
  void read_headers();
  void on_headers(ErrorCode error);
  void read_body();
  void on_body(ErrorCode error);
  bool admit_body();
  void release_body();
  void hand_on();
  void refuse(int status, const std::string& message);
  void refuse_unreadable(ErrorCode error);

  // Answering: called by the exchange of the request at hand.
  void respond(Response response);
  void start_stream(Response head);
  void send(std::string bytes);
  void finish_stream();
  void write_next();
  void on_written(ErrorCode error);
  void finish_answer();
  void next_request();
  void await_request();

  std::string head_of(const Response& response, std::optional<std::size_t> length);
  void arm(std::chrono::milliseconds patience);
  void on_patience_ended();
  void leave();
  void linger();
  void discard();
  void close();
  void forget_exchange(bool gone);

  Socket socket_;
  std::shared_ptr<ConnectionShared> shared_;
  std::function<void(Connection*)> on_end_;
  boost::asio::steady_timer patience_;  // of the phase at hand
  std::chrono::steady_clock::time_point patience_until_;
  bool patience_waiting_ = false;
  bool timed_out_ = false;              // while reading a request
  boost::asio::steady_timer deadline_;  // of the request at hand

  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::size_t body_bytes_ = 0;  // admitted into shared_->bodies_bytes
  bool watching_ = false;
  bool leaving_ = false;  // closes, unless a request comes after all
  State state_ = State::kIdle;
  std::chrono::steady_clock::time_point idle_since_;
  std::chrono::steady_clock::time_point linger_until_;

  // The request at hand. The exchange belongs to whoever answers.
  std::weak_ptr<ConnectionExchange> exchange_;
  std::shared_ptr<ConnectionExchange> answered_;  // the same, once all of its answer is known
  int status_ = 0;
  bool answer_begun_ = false;
  bool answer_ended_ = false;  // nothing comes after what is in unsent_
  bool head_only_ = false;
  bool chunked_ = false;
  bool keep_alive_ = false;
  bool http10_ = false;
  bool writing_ = false;
  std::deque<std::string> unsent_;
  std::size_t unsent_bytes_ = 0;
};

}  // namespace parapet::server
