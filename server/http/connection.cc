#include "server/http/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/http/read.hpp>
#include <cctype>
#include <iterator>
#include <utility>

#include "server/http/connection_exchange.h"
#include "server/http/request_id.h"
#include "server/http/url.h"

namespace parapet::server {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t kReadBytes = std::size_t{4} << 10;  // an idle connection holds as much
// Of requests that were sent before the answer to the one at hand: enough to see that the client is
// still there.
constexpr std::size_t kMaxPipelinedBytes = std::size_t{64} << 10;
// What a client may still send to a connection that was refused, so that it can read why.
constexpr std::chrono::seconds kLinger{2};
// On top of write_timeout: slower than this is too slow.
constexpr std::size_t kMinWriteBytesPerSecond = std::size_t{64} << 10;
constexpr auto kForever = std::chrono::steady_clock::time_point::max();

std::string lower(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lowered;
}

// "http://host/path", which a proxy may send, means "/path".
std::string_view without_authority(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  const std::size_t path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

std::string without_prefix(std::string path, const std::string& prefix) {
  if (!path.starts_with(prefix)) return path;
  if (path.size() == prefix.size()) return "/";
  if (path[prefix.size()] == '/') path.erase(0, prefix.size());
  return path;
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Connection::Connection(Socket socket, std::shared_ptr<ConnectionShared> shared,
                       std::function<void(Connection*)> on_end)
    : socket_(std::move(socket)),
      shared_(std::move(shared)),
      on_end_(std::move(on_end)),
      patience_(socket_.get_executor()),
      deadline_(socket_.get_executor()),
      // A message's headers and what comes with them.
      buffer_(shared_->limits.max_header_bytes + kMaxPipelinedBytes) {}

Connection::~Connection() {
  release_body();
  on_end_(this);
}

void Connection::start() {
  net::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    self->await_request();
    self->watch();
  });
}

void Connection::close_when_idle() {
  net::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    if (self->state_ != State::kIdle) return;
    const auto idle_for = std::chrono::steady_clock::now() - self->idle_since_;
    if (idle_for < kNextRequest) return self->await_request();
    self->leave();
  });
}

// Reads whatever comes: the beginning of the next request, or the news that the client has left.
void Connection::watch() {
  if (watching_ || state_ == State::kClosed) return;
  if (buffer_.size() >= kMaxPipelinedBytes) return;
  watching_ = true;
  socket_.async_read_some(
      buffer_.prepare(std::min(kReadBytes, buffer_.max_size() - buffer_.size())),
      beast::bind_front_handler(&Connection::on_watched, shared_from_this()));
}

void Connection::on_watched(ErrorCode error, std::size_t bytes) {
  watching_ = false;
  buffer_.commit(bytes);
  if (state_ == State::kClosed) return;
  if (error && error != net::error::operation_aborted) return close();
  if (state_ == State::kIdle) {
    if (buffer_.size() > 0) return read_headers();
    return leaving_ ? leave() : watch();
  }
  if (state_ == State::kLingering) return discard();
  if (state_ == State::kAnswering && !error) watch();
}

void Connection::read_headers() {
  state_ = State::kReading;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(shared_->limits.max_header_bytes));
  parser_->body_limit(shared_->limits.max_body_bytes);
  // Most requests are in the buffer as a whole.
  ErrorCode error;
  buffer_.consume(parser_->put(buffer_.data(), error));
  if (error != http::error::need_more) return on_headers(error);
  arm(shared_->limits.header_timeout);
  http::async_read_header(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode failed, std::size_t) { self->on_headers(failed); });
}

void Connection::on_headers(ErrorCode error) {
  if (state_ == State::kClosed) return;
  if (error) return refuse_unreadable(error);
  const auto& message = parser_->get();
  keep_alive_ = message.keep_alive() && !shared_->draining;
  http10_ = message.version() < 11;
  head_only_ = message.method() == http::verb::head;
  if (const auto length = parser_->content_length();
      length && *length > shared_->limits.max_body_bytes) {
    return refuse_unreadable(http::error::body_limit);
  }
  if (!admit_body()) {
    return refuse(503, "the server is reading as much as it can hold; try again soon");
  }
  if (parser_->is_done()) return hand_on();
  if (!http10_ && lower(view(message[http::field::expect])) == "100-continue") {
    static const std::string kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    arm(shared_->limits.write_timeout);
    net::async_write(socket_, net::buffer(kContinue),
                     [self = shared_from_this()](ErrorCode failed, std::size_t) {
                       if (failed) return self->close();
                       self->read_body();
                     });
    return;
  }
  read_body();
}

// Counts what the request will hold against what all requests may.
bool Connection::admit_body() {
  const auto length = parser_->content_length();
  std::size_t bytes = shared_->limits.max_body_bytes;
  if (length) bytes = static_cast<std::size_t>(*length);
  if (parser_->is_done()) bytes = 0;
  const std::size_t before = shared_->bodies_bytes.fetch_add(bytes);
  body_bytes_ = bytes;
  if (before + bytes <= shared_->limits.max_bodies_bytes) return true;
  release_body();
  return false;
}

void Connection::release_body() { shared_->bodies_bytes.fetch_sub(std::exchange(body_bytes_, 0)); }

void Connection::read_body() {
  if (state_ == State::kClosed) return;
  parser_->eager(true);
  ErrorCode error;
  if (buffer_.size() > 0) {
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (error && error != http::error::need_more) return on_body(error);
    if (parser_->is_done()) return on_body({});
  }
  arm(shared_->limits.body_timeout);
  http::async_read(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode failed, std::size_t) { self->on_body(failed); });
}

void Connection::on_body(ErrorCode error) {
  if (state_ == State::kClosed) return;
  if (error) return refuse_unreadable(error);
  hand_on();
}

// The request is whole: from here on the exchange decides.
void Connection::hand_on() {
  http::request<http::string_body> message = parser_->release();
  parser_.reset();
  state_ = State::kAnswering;
  answer_begun_ = answer_ended_ = chunked_ = false;

  Request request;
  request.arrived = std::chrono::steady_clock::now();
  request.method = view(message.method_string());
  const std::string_view target = without_authority(view(message.target()));
  const std::size_t mark = target.find('?');
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  for (const auto& field : message) {
    request.headers.emplace_back(lower(view(field.name_string())), view(field.value()));
  }
  request.id = request_id(request.header("x-request-id"));
  request.body = std::move(message.body());
  auto path = percent_decoded(target.substr(0, mark));
  if (!path || !path->starts_with('/')) return refuse(400, "the request's path cannot be read");
  request.path = without_prefix(std::move(*path), shared_->root_path);

  arm(std::chrono::milliseconds::max());  // the engine takes the time that it takes
  const auto exchange =
      std::make_shared<ConnectionExchange>(shared_from_this(), std::move(request));
  exchange_ = exchange;
  shared_->hooks.on_request(exchange);
  watch();  // the engine works already
}

void Connection::refuse_unreadable(ErrorCode error) {
  if (error == net::error::operation_aborted && timed_out_) {
    return refuse(408, "the request did not come to its end in time");
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(
        431, fmt::format("the headers are longer than {} bytes", shared_->limits.max_header_bytes));
  }
  if (error == http::error::body_limit) {
    return refuse(413,
                  fmt::format("the body is longer than {} bytes", shared_->limits.max_body_bytes));
  }
  if (error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return refuse(400, "this is no HTTP request: " + error.message());
  }
  close();
}

// Answers a request that nobody above has seen, and ends the connection: what follows on it cannot
// be told from the rest of that request.
void Connection::refuse(int status, const std::string& message) {
  release_body();
  state_ = State::kAnswering;
  answer_begun_ = answer_ended_ = chunked_ = false;
  keep_alive_ = false;
  Response response;
  response.status = status;
  response.body = shared_->hooks.error_body(status, message);
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  respond(std::move(response));
}

void Connection::respond(Response response) {
  if (answer_begun_ || state_ != State::kAnswering) return;
  answer_begun_ = answer_ended_ = true;
  answered_ = exchange_.lock();
  status_ = response.status;
  unsent_.push_back(head_of(response, response.body.size()));
  if (!head_only_ && !response.body.empty()) unsent_.push_back(std::move(response.body));
  write_next();
}

void Connection::start_stream(Response head) {
  if (answer_begun_ || state_ != State::kAnswering) return;
  answer_begun_ = true;
  status_ = head.status;
  chunked_ = !http10_;
  if (http10_) keep_alive_ = false;  // the end of the connection is the end of the answer
  unsent_.push_back(head_of(head, std::nullopt));
  write_next();
}

void Connection::send(std::string bytes) {
  if (!answer_begun_ || answer_ended_ || bytes.empty() || head_only_) return;
  if (chunked_) bytes = fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
  unsent_bytes_ += bytes.size();
  if (unsent_bytes_ > shared_->limits.max_unsent_bytes) return close();  // a slow reader
  unsent_.push_back(std::move(bytes));
  write_next();
}

void Connection::finish_stream() {
  if (!answer_begun_ || answer_ended_) return;
  answer_ended_ = true;
  answered_ = exchange_.lock();
  if (chunked_ && !head_only_) unsent_.emplace_back("0\r\n\r\n");
  write_next();
}

// Writes all that waits, in one go.
void Connection::write_next() {
  if (writing_ || state_ == State::kClosed) return;
  if (unsent_.empty()) {
    if (answer_ended_) finish_answer();
    return;
  }
  writing_ = true;
  auto pieces = std::make_shared<std::vector<std::string>>(std::make_move_iterator(unsent_.begin()),
                                                           std::make_move_iterator(unsent_.end()));
  unsent_.clear();
  std::vector<net::const_buffer> buffers;
  std::size_t bytes = 0;
  for (const std::string& piece : *pieces) {
    buffers.emplace_back(net::buffer(piece));
    bytes += piece.size();
  }
  arm(shared_->limits.write_timeout + std::chrono::seconds(bytes / kMinWriteBytesPerSecond));
  net::async_write(socket_, buffers,
                   [self = shared_from_this(), pieces](ErrorCode error, std::size_t) {
                     self->on_written(error);
                   });
}

void Connection::on_written(ErrorCode error) {
  writing_ = false;
  if (state_ == State::kClosed) return;
  if (error) return close();
  if (unsent_.empty()) {
    unsent_bytes_ = 0;
    arm(std::chrono::milliseconds::max());
  }
  write_next();
}

void Connection::finish_answer() {
  if (answered_) shared_->hooks.on_answered(*answered_, status_);
  forget_exchange(/*gone=*/false);
  release_body();
  deadline_.cancel();
  if (!keep_alive_) return linger();
  next_request();
}

void Connection::next_request() {
  state_ = State::kIdle;
  answer_begun_ = answer_ended_ = false;
  await_request();
  if (watching_) {
    if (buffer_.size() > 0) socket_.cancel();  // on_watched goes on
  } else if (buffer_.size() > 0) {
    read_headers();
  } else {
    watch();
  }
}

void Connection::await_request() {
  leaving_ = false;
  idle_since_ = std::chrono::steady_clock::now();
  arm(shared_->draining ? kNextRequest : shared_->limits.keep_alive);
}

// What it says of the connection is what becomes of it, should the server begin to drain after
// that.
std::string Connection::head_of(const Response& response, std::optional<std::size_t> length) {
  if (shared_->draining) keep_alive_ = false;
  const beast::string_view reason =
      http::obsolete_reason(static_cast<http::status>(response.status));
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, view(reason));
  const auto out = std::back_inserter(head);
  if (!response.content_type.empty()) {
    fmt::format_to(out, "Content-Type: {}\r\n", response.content_type);
  }
  if (length && response.status != 204) {
    fmt::format_to(out, "Content-Length: {}\r\n", *length);
  } else if (chunked_) {
    head += "Transfer-Encoding: chunked\r\n";
  }
  for (const auto& [name, value] : response.headers) {
    fmt::format_to(out, "{}: {}\r\n", name, value);
  }
  if (!keep_alive_) {
    head += "Connection: close\r\n";
  } else if (http10_) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
  return head;
}

// One timer for whatever is waited for; a later end than the one that is set costs nothing until
// then.
void Connection::arm(std::chrono::milliseconds patience) {
  const bool forever = patience == std::chrono::milliseconds::max();
  const auto until = forever ? kForever : std::chrono::steady_clock::now() + patience;
  patience_until_ = until;
  if (patience_waiting_ && patience_.expiry() <= until) return;
  if (forever) return;
  patience_waiting_ = true;
  patience_.expires_at(until);
  patience_.async_wait([self = weak_from_this()](ErrorCode error) {
    const auto connection = self.lock();
    if (!connection || error) return;
    connection->patience_waiting_ = false;
    connection->on_patience_ended();
  });
}

void Connection::on_patience_ended() {
  if (state_ == State::kClosed || patience_until_ == kForever) return;
  const auto left = patience_until_ - std::chrono::steady_clock::now();
  if (left > std::chrono::milliseconds(1)) {
    return arm(std::chrono::duration_cast<std::chrono::milliseconds>(left));
  }
  if (state_ == State::kIdle) return leave();
  if (state_ != State::kReading) return close();
  // A slow sender. The pending read ends when the connection does.
  timed_out_ = true;
  socket_.cancel();
}

// Closes an idle connection, unless a request has come: it may lie in the socket, or be read
// already and on its way to on_watched.
void Connection::leave() {
  ErrorCode error;
  if (buffer_.size() > 0 || socket_.available(error) > 0) return watch();
  leaving_ = true;
  watching_ ? socket_.cancel() : close();
}

// Lets the client read the answer before the connection is reset under it.
void Connection::linger() {
  state_ = State::kLingering;
  ErrorCode ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  linger_until_ = std::chrono::steady_clock::now() + kLinger;
  arm(kLinger);
  if (!watching_) discard();  // else on_watched goes on
}

void Connection::discard() {
  if (state_ == State::kClosed || std::chrono::steady_clock::now() > linger_until_) return close();
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](ErrorCode error, std::size_t) {
                            if (error == net::error::operation_aborted) return;
                            if (error) return self->close();
                            self->discard();
                          });
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  ErrorCode ignored;
  socket_.close(ignored);
  patience_.cancel();
  deadline_.cancel();
  unsent_.clear();
  forget_exchange(/*gone=*/true);
}

void Connection::forget_exchange(bool gone) {
  const auto exchange = exchange_.lock();
  exchange_.reset();
  answered_.reset();
  if (exchange) exchange->end(gone);
}

}  // namespace parapet::server
