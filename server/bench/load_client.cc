#include "server/bench/load_client.h"

#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

namespace parapet::server {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

// An answer in one read: what the client takes for it is told as the server's.
constexpr std::size_t kReadBytes = std::size_t{4} << 10;
// For one answer that is waited for alone.
constexpr std::chrono::seconds kPatience{120};

}  // namespace

struct LoadClient::Impl {
  struct Waiting {
    std::shared_ptr<const std::string> request;
    OnAnswer on_answer;
  };

  // One thread runs it.
  net::io_context io{1};
  net::generic::stream_protocol::endpoint endpoint;
  bool is_tcp = true;
  std::size_t max_connections = 0;
  std::vector<std::shared_ptr<Wire>> idle;  // the last used is used first
  std::unordered_set<std::shared_ptr<Wire>> busy;
  std::deque<Waiting> waiting;

  Status resolve(const ServerUrl& url);
  void send(Waiting next);
  void on_free(const std::shared_ptr<Wire>& wire, bool keep);
  void give_up();
};

// One connection, with one request at a time.
class LoadClient::Wire : public std::enable_shared_from_this<Wire> {
 public:
  explicit Wire(Impl& client) : client_(client), socket_(client.io) {}

  void send(Impl::Waiting next) {
    now_ = std::move(next);
    was_sent_ = false;
    is_reused_ = socket_.is_open();
    if (is_reused_) return write();
    connect();
  }

  void give_up() {
    close();
    finish(0, "no answer came", false);
  }

 private:
  void connect() {
    buffer_.reserve(kReadBytes);
    socket_.async_connect(client_.endpoint, [self = shared_from_this()](error_code error) {
      if (error) return self->finish(0, "cannot connect: " + error.message(), false);
      error_code ignored;
      if (self->client_.is_tcp) self->socket_.set_option(net::ip::tcp::no_delay(true), ignored);
      self->write();
    });
  }

  void write() {
    if (is_closed_by_peer()) return fail("the connection ended: ", net::error::eof);
    was_sent_ = true;
    net::async_write(socket_, net::buffer(*now_.request),
                     [self = shared_from_this(), request = now_.request](error_code error, auto) {
                       if (error) self->fail("cannot send: ", error);
                     });
    // At once: a server may answer, and close, before it has read all.
    parser_.emplace();
    parser_->body_limit(boost::none);
    http::async_read(socket_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, auto) {
                       if (error) return self->fail("the connection ended: ", error);
                       const bool keep = self->parser_->get().keep_alive();
                       self->finish(self->parser_->get().result_int(), {}, keep);
                     });
  }

  // A server may have closed a connection that was idle for long: then the request was not read.
  void fail(const char* what, error_code error) {
    if (!now_.on_answer) return;
    if (!is_reused_ || (was_sent_ && parser_->got_some()))
      return finish(0, what + error.message(), false);
    is_reused_ = false;
    close();
    buffer_.clear();
    connect();
  }

  // Before anything was sent: what the server does not read then was never asked.
  bool is_closed_by_peer() {
    char byte = 0;
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

  void finish(unsigned status, std::string error, bool keep) {
    if (!now_.on_answer) return;  // answered already: what fails now is of the connection's end
    HttpAnswer answer{static_cast<int>(status), {}, std::move(error), was_sent_};
    if (status != 0) answer.body = std::move(parser_->get().body());
    if (!keep) close();
    const OnAnswer call = std::exchange(now_, {}).on_answer;
    client_.on_free(shared_from_this(), keep);
    call(std::move(answer));
  }

  Impl& client_;
  net::generic::stream_protocol::socket socket_;
  beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
  Impl::Waiting now_;
  bool was_sent_ = false;   // the request at hand, at least in part
  bool is_reused_ = false;  // it has answered a request before
};

Status LoadClient::Impl::resolve(const ServerUrl& url) {
  is_tcp = url.uds.empty();
  if (!is_tcp) {
    endpoint = net::local::stream_protocol::endpoint(url.uds);
    return {};
  }
  error_code error;
  const auto found = net::ip::tcp::resolver(io).resolve(url.host, url.port, error);
  if (error || found.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "url: host '" + url.host + "' has no address: " + error.message()};
  }
  endpoint = found.begin()->endpoint();
  return {};
}

void LoadClient::Impl::send(Waiting next) {
  std::shared_ptr<Wire> wire;
  if (!idle.empty()) {
    wire = std::move(idle.back());
    idle.pop_back();
  } else if (busy.size() < max_connections) {
    wire = std::make_shared<Wire>(*this);
  } else {
    waiting.push_back(std::move(next));
    return;
  }
  busy.insert(wire);
  wire->send(std::move(next));
}

void LoadClient::Impl::on_free(const std::shared_ptr<Wire>& wire, bool keep) {
  busy.erase(wire);
  if (keep) idle.push_back(wire);
  if (waiting.empty()) return;
  Waiting next = std::move(waiting.front());
  waiting.pop_front();
  send(std::move(next));
}

void LoadClient::Impl::give_up() {
  for (Waiting& each : std::exchange(waiting, {}))
    each.on_answer({0, {}, "it was never sent", false});
  for (const auto& wire : std::exchange(busy, {})) wire->give_up();
}

Result<std::unique_ptr<LoadClient>> LoadClient::create(const ServerUrl& url,
                                                       std::size_t max_connections) {
  auto impl = std::make_unique<Impl>();
  impl->max_connections = max_connections;
  if (auto status = impl->resolve(url); !status) return status.error();
  return std::unique_ptr<LoadClient>(new LoadClient(std::move(impl)));
}

LoadClient::LoadClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LoadClient::~LoadClient() = default;

void LoadClient::send(std::shared_ptr<const std::string> request, OnAnswer on_answer) {
  impl_->send({std::move(request), std::move(on_answer)});
}

void LoadClient::at(Clock::time_point time, std::function<void()> call) {
  auto timer = std::make_shared<net::steady_timer>(impl_->io, time);
  timer->async_wait([timer, call = std::move(call)](error_code) { call(); });
}

void LoadClient::run(Clock::time_point give_up) {
  impl_->io.restart();
  impl_->io.run_until(give_up);
  impl_->give_up();
  impl_->io.restart();
  impl_->io.poll();
}

HttpAnswer LoadClient::ask(std::shared_ptr<const std::string> request) {
  HttpAnswer result;
  send(std::move(request), [&](HttpAnswer answer) { result = std::move(answer); });
  run(Clock::now() + kPatience);
  return result;
}

Result<ServerUrl> ServerUrl::parse(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::string_view kHttp = "http://";
  ServerUrl url;
  if (text.starts_with(kUnix)) {
    url.uds = text.substr(kUnix.size());
    url.host = "localhost";
    return url;
  }
  if (!text.starts_with(kHttp)) {
    return Error{ErrorCode::kInvalidArgument,
                 "url: '" + std::string(text) +
                     "'; expected http://HOST:PORT or unix:PATH (TLS is not spoken)"};
  }
  text.remove_prefix(kHttp.size());
  const std::size_t slash = std::min(text.find('/'), text.size());
  url.prefix = text.substr(slash);
  if (url.prefix.ends_with('/')) url.prefix.pop_back();
  text = text.substr(0, slash);
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && !text.ends_with(']');
  url.host = text.substr(0, has_port ? colon : text.size());
  url.port = has_port ? std::string(text.substr(colon + 1)) : "80";
  if (url.host.starts_with('[') && url.host.ends_with(']')) {
    url.host = url.host.substr(1, url.host.size() - 2);
  }
  if (url.host.empty() || url.port.empty()) {
    return Error{ErrorCode::kInvalidArgument, "url: names no host, or no port after its colon"};
  }
  return url;
}

}  // namespace parapet::server
