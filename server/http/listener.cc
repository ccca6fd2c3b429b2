#include "server/http/listener.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "server/http/connection.h"

namespace parapet::server {

namespace net = boost::asio;
using boost::system::error_code;

namespace {

using Acceptor = net::basic_socket_acceptor<net::generic::stream_protocol>;

// Connections that the system has made and nobody has accepted yet. It cuts this to what it allows.
constexpr int kBacklog = 4096;
constexpr std::chrono::milliseconds kAcceptPause{100};  // where there are no descriptors left

// Each connection takes a descriptor; the soft limit is often 1,024.
void raise_descriptor_limit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

struct Listener::Impl {
  ListenerOptions options;
  std::shared_ptr<ConnectionShared> shared = std::make_shared<ConnectionShared>();
  std::string address;
  int port = 0;

  std::mutex mutex;  // of the three below
  std::unordered_set<Connection*> connections;
  std::function<void()> drained;
  std::vector<std::thread> threads;
  std::atomic<std::int64_t> num_connections = 0;

  net::io_context io;  // connections of it use all of the above
  std::optional<net::executor_work_guard<net::io_context::executor_type>> busy;
  // One accept at a time, and its end, whichever thread runs them.
  net::strand<net::io_context::executor_type> accepts{io.get_executor()};
  Acceptor acceptor{accepts};
  net::steady_timer pause{accepts};
  bool accepting = false;           // an accept is under way
  std::function<void()> on_closed;  // where nothing is accepted any more
  net::signal_set signals{io};
  std::vector<std::unique_ptr<net::steady_timer>> tickers;
  std::unique_ptr<net::thread_pool> workers;

  Status bind();
  Status open(const net::generic::stream_protocol::endpoint& endpoint, bool is_tcp);
  void accept();
  void accept_waiting();
  void start(net::generic::stream_protocol::socket socket);
  void close_when_idle(std::function<void()> on_drained);
  void on_accepted(error_code error, net::generic::stream_protocol::socket socket);
  void on_end(Connection* connection);
  void tick(net::steady_timer& timer, std::chrono::milliseconds period,
            const std::function<void()>& call);
  void await_signal(const std::function<void(int)>& handler);
};

Status Listener::Impl::bind() {
  if (!options.uds.empty()) {
    if (options.uds.size() >= sizeof(sockaddr_un::sun_path)) {
      return Error{ErrorCode::kInvalidArgument,
                   "uds '" + options.uds + "' is too long for the path of a Unix socket"};
    }
    ::unlink(options.uds.c_str());  // of a server that was killed
    address = "unix:" + options.uds;
    return open(net::local::stream_protocol::endpoint(options.uds), false);
  }
  error_code error;
  net::ip::tcp::resolver resolver(io);
  const auto found = resolver.resolve(options.host, std::to_string(options.port),
                                      net::ip::resolver_base::passive, error);
  if (error || found.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "host '" + options.host + "' is no address of this machine: " + error.message()};
  }
  return open(found.begin()->endpoint(), true);
}

Status Listener::Impl::open(const net::generic::stream_protocol::endpoint& endpoint, bool is_tcp) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error && is_tcp) acceptor.set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (error) {
    const std::string where =
        is_tcp ? fmt::format("{}:{}", options.host, options.port) : options.uds;
    return Error{ErrorCode::kIo, "cannot listen on " + where + ": " + error.message()};
  }
  if (!is_tcp) return {};
  net::ip::tcp::endpoint bound;
  auto length = static_cast<socklen_t>(bound.capacity());
  ::getsockname(acceptor.native_handle(), bound.data(), &length);
  port = bound.port();
  address = fmt::format("http://{}:{}", options.host, port);
  return {};
}

void Listener::Impl::accept() {
  accepting = true;
  acceptor.async_accept(net::make_strand(io),
                        [this](error_code error, net::generic::stream_protocol::socket socket) {
                          accepting = false;
                          on_accepted(error, std::move(socket));
                        });
}

// Those that the system has connected already: to them the server was there.
void Listener::Impl::accept_waiting() {
  error_code error;
  acceptor.non_blocking(true, error);
  while (!error) {
    net::generic::stream_protocol::socket socket(net::make_strand(io));
    acceptor.accept(socket, error);
    if (!error) start(std::move(socket));
  }
}

void Listener::Impl::on_accepted(error_code error, net::generic::stream_protocol::socket socket) {
  if (shared->draining) {
    if (!error) start(std::move(socket));
    if (on_closed) std::exchange(on_closed, nullptr)();
    return;
  }
  if (error == net::error::operation_aborted) return;
  if (error) {
    // No descriptors, or a client that left while it waited: neither must end the server.
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](error_code stopped) {
      if (!stopped) accept();
    });
    return;
  }
  start(std::move(socket));
  accept();
}

// Drops it where there are too many.
void Listener::Impl::start(net::generic::stream_protocol::socket socket) {
  if (static_cast<std::size_t>(num_connections.load()) >= options.limits.max_connections) return;
  if (options.uds.empty()) {
    error_code ignored;
    socket.set_option(net::ip::tcp::no_delay(true), ignored);
    socket.set_option(net::socket_base::keep_alive(true), ignored);
  }
  ++num_connections;
  const auto connection = std::make_shared<Connection>(
      std::move(socket), shared, [this](Connection* ended) { on_end(ended); });
  {
    const std::lock_guard lock(mutex);
    connections.insert(connection.get());
  }
  connection->start();
}

void Listener::Impl::on_end(Connection* connection) {
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex);
    connections.erase(connection);
    if (connections.empty()) call = std::exchange(drained, nullptr);
  }
  --num_connections;
  if (call) net::post(io, call);
}

void Listener::Impl::tick(net::steady_timer& timer, std::chrono::milliseconds period,
                          const std::function<void()>& call) {
  timer.expires_after(period);
  timer.async_wait([this, &timer, period, call](error_code error) {
    if (error) return;
    call();
    tick(timer, period, call);
  });
}

void Listener::Impl::await_signal(const std::function<void(int)>& handler) {
  signals.async_wait([this, handler](error_code error, int signal) {
    if (error) return;
    handler(signal);
    await_signal(handler);
  });
}

Listener::Listener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::~Listener() { stop(); }

Result<std::unique_ptr<Listener>> Listener::bind(const ListenerOptions& options, HttpHooks hooks) {
  raise_descriptor_limit();
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->shared->hooks = std::move(hooks);
  impl->shared->limits = options.limits;
  impl->shared->root_path = options.root_path;
  if (auto bound = impl->bind(); !bound) return bound.error();
  return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

void Listener::run() {
  impl_->busy.emplace(impl_->io.get_executor());
  impl_->workers =
      std::make_unique<net::thread_pool>(static_cast<std::size_t>(impl_->options.num_workers));
  impl_->accept();
  const std::lock_guard lock(impl_->mutex);
  for (int i = 0; i < impl_->options.num_threads; ++i) {
    impl_->threads.emplace_back([this] { impl_->io.run(); });
  }
}

void Listener::Impl::close_when_idle(std::function<void()> on_drained) {
  std::vector<std::shared_ptr<Connection>> open;
  {
    const std::lock_guard lock(mutex);
    for (Connection* connection : connections) {
      if (auto alive = connection->weak_from_this().lock()) open.push_back(std::move(alive));
    }
    if (connections.empty()) {
      net::post(io, std::move(on_drained));
    } else {
      drained = std::move(on_drained);
    }
  }
  for (const auto& connection : open) connection->close_when_idle();
}

void Listener::drain(std::function<void()> drained) {
  net::post(impl_->accepts, [impl = impl_.get(), drained = std::move(drained)]() mutable {
    impl->shared->draining = true;
    impl->accept_waiting();
    error_code ignored;
    impl->acceptor.close(ignored);
    impl->pause.cancel();
    impl->on_closed = [impl, drained = std::move(drained)] { impl->close_when_idle(drained); };
    // An accept under way may have a connection in its hands.
    if (!impl->accepting) std::exchange(impl->on_closed, nullptr)();
  });
}

void Listener::stop() {
  impl_->busy.reset();
  impl_->io.stop();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
  if (impl_->workers) impl_->workers->join();
  if (!impl_->options.uds.empty()) ::unlink(impl_->options.uds.c_str());
}

void Listener::work(std::function<void()> job) { net::post(*impl_->workers, std::move(job)); }

void Listener::post(std::function<void()> job) { net::post(impl_->io, std::move(job)); }

void Listener::every(std::chrono::milliseconds period, std::function<void()> tick) {
  impl_->tickers.push_back(std::make_unique<net::steady_timer>(impl_->io));
  impl_->tick(*impl_->tickers.back(), period, tick);
}

void Listener::on_signal(std::function<void(int signal)> handler) {
  impl_->signals.add(SIGTERM);
  impl_->signals.add(SIGINT);
  impl_->await_signal(handler);
}

bool Listener::draining() const { return impl_->shared->draining; }
std::int64_t Listener::num_connections() const { return impl_->num_connections; }

double Listener::io_cpu_seconds() const {
  double seconds = 0;
  const std::lock_guard lock(impl_->mutex);
  for (std::thread& thread : impl_->threads) {
    clockid_t clock = {};
    timespec used = {};
    if (::pthread_getcpuclockid(thread.native_handle(), &clock) != 0) continue;
    if (::clock_gettime(clock, &used) != 0) continue;
    seconds += static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
  }
  return seconds;
}

int Listener::port() const { return impl_->port; }
std::string Listener::address() const { return impl_->address; }

}  // namespace parapet::server
