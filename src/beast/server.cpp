#include "beast/server.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "beast/io_thread.hpp"
#include "beast/listener.hpp"
#include "beast/tls.hpp"

namespace slipway::beast {
namespace {

constexpr std::size_t usual_connections = 16384;

/// What a served connection may need beside its own descriptor is an object's or a stage's.
std::size_t most_connections() {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return SIZE_MAX;
  return static_cast<std::size_t>(descriptors.rlim_cur / 2);
}

HttpServerOptions completed(HttpServerOptions options) {
  if (options.io_threads == 0)
    options.io_threads = std::max(1U, std::thread::hardware_concurrency() / 2);
  if (options.blocking_threads == 0) options.blocking_threads = 32;
  if (options.max_connections == 0) options.max_connections = usual_connections;
  options.max_connections =
      std::min(options.max_connections, std::max<std::size_t>(most_connections(), 1));
  options.max_head_bytes =
      std::clamp(options.max_head_bytes, std::size_t{1024}, IoThread::body_buffer_size);
  return options;
}

class Server final : public HttpServer {
 public:
  Server(HttpHandler& handler, const HttpServerOptions& options, Log& log, Metrics& metrics,
         const ServerSeams& seams)
      : options_(completed(options)),
        pool_(options_.blocking_threads, seams.most_waiting_jobs),
        body_memory_(options_.max_body_memory),
        refused_(metrics.counter("slipway_http_connections_refused_total",
                                 "Connections above limits.max_connections_per_client")),
        context_{handler,      options_, log, metrics, *seams.clock, pool_, body_memory_,
                 [this](std::string_view client) { on_connection_closed(client); }} {
    if (options_.max_connections < options.max_connections)
      log.warning("fewer connections than limits.max_connections: raise the limit of open files",
                  {{"max_connections", std::to_string(options_.max_connections)}});
  }

  ~Server() override { drain(std::chrono::milliseconds(0)); }

  Result<void> start() {
    if (options_.tls) {
      SLIPWAY_TRY(tls_, make_server_tls(*options_.tls));
    }
    for (unsigned i = 0; i < options_.io_threads; ++i)
      threads_.push_back(std::make_unique<IoThread>(context_));
    listener_ = std::make_unique<Listener>(
        threads_.front()->context(), context_.log, [this] { return reserve(); },
        [this](Listener::Accepted&& accepted) { hand_out(std::move(accepted)); },
        [this] { make_room(threads_.size()); });
    SLIPWAY_CHECK(listener_->open(options_.host, options_.port));
    port_ = listener_->port();
    listener_->start();
    for (const auto& thread : threads_) thread->start();
    // Counted from here and not from when the thread first runs, so that no time is passed over.
    ticker_ = std::thread([this, start = context_.clock.monotonic()] { run_ticker(start); });
    return {};
  }

  [[nodiscard]] std::uint16_t port() const noexcept override { return port_; }

  void drain(std::chrono::milliseconds grace) override {
    const std::lock_guard once(drain_mutex_);
    if (threads_.empty()) return;
    threads_.front()->post([this] { listener_->close(); });
    for (const auto& thread : threads_) thread->post([&io = *thread] { io.drain(); });
    wait_until_closed(grace);
    for (const auto& thread : threads_) thread->post([&io = *thread] { io.abort(); });
    wait_until_closed(std::chrono::nanoseconds::max());
    stop();
  }

 private:
  /// On the accepting thread.
  bool reserve() {
    const std::lock_guard lock(mutex_);
    return connections_ < options_.max_connections;
  }

  /// On the accepting thread: asks each thread in turn to end a connection that waits.
  void make_room(std::size_t tries) {
    {
      const std::lock_guard lock(mutex_);
      crowded_ = true;
    }
    ask_for_room(tries);
  }

  void ask_for_room(std::size_t tries) {
    if (tries == 0) return;  // all are being served: the next that closes makes room
    IoThread& thread = *threads_[next_asked_];
    next_asked_ = (next_asked_ + 1) % threads_.size();
    thread.post([this, &thread, tries] {
      if (!thread.make_room()) threads_.front()->post([this, tries] { ask_for_room(tries - 1); });
    });
  }

  /// False: that client has as many as one may have.
  bool count(const std::string& client) {
    const std::lock_guard lock(mutex_);
    if (options_.max_connections_per_client > 0 &&
        ++clients_[client] > options_.max_connections_per_client) {
      --clients_[client];
      return false;
    }
    ++connections_;
    return true;
  }

  /// Through TLS there is no way to say why; what has not been read makes the kernel reset it.
  void refuse(int descriptor) {
    constexpr std::string_view answer =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n";
    refused_.add();
    if (tls_ == nullptr) {
      static_cast<void>(
          ::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
      ::shutdown(descriptor, SHUT_WR);
    }
    ::close(descriptor);
  }

  void hand_out(Listener::Accepted&& accepted) {
    if (!count(accepted.client)) return refuse(accepted.descriptor);
    IoThread& thread = *threads_[next_thread_];
    next_thread_ = (next_thread_ + 1) % threads_.size();
    thread.post([this, &thread, accepted = std::move(accepted)]() mutable {
      thread.adopt(accepted.descriptor, accepted.ip_v6, std::move(accepted.peer),
                   std::move(accepted.client), tls_.get());
    });
  }

  void on_connection_closed(std::string_view client) {
    bool was_crowded = false;
    {
      const std::lock_guard lock(mutex_);
      --connections_;
      if (const auto known = clients_.find(client); known != clients_.end() && --known->second == 0)
        clients_.erase(known);
      was_crowded = std::exchange(crowded_, false);
      if (connections_ == 0) changed_.notify_all();
    }
    if (was_crowded) threads_.front()->post([this] { listener_->resume(); });
  }

  void wait_until_closed(std::chrono::nanoseconds grace) {
    Clock& clock = context_.clock;
    const bool forever = grace == std::chrono::nanoseconds::max();
    const MonotonicTime deadline = forever ? grace : clock.monotonic() + grace;
    std::unique_lock lock(mutex_);
    while (connections_ > 0) {
      if (forever)
        changed_.wait(lock);
      else if (clock.monotonic() >= deadline)
        return;
      else
        clock.wait_until(changed_, lock, deadline);
    }
  }

  /// Tells the threads that time has passed since `start`.
  void run_ticker(MonotonicTime start) {
    const MonotonicTime tick = threads_.front()->wheel().tick();
    std::unique_lock lock(mutex_);
    MonotonicTime next = start + tick;
    while (!stopping_) {
      if (context_.clock.monotonic() < next) {
        context_.clock.wait_until(changed_, lock, next);
        continue;
      }
      next = context_.clock.monotonic() + tick;
      lock.unlock();
      for (const auto& thread : threads_) thread->post([&io = *thread] { io.tick(); });
      threads_.front()->post([this] { listener_->resume(); });
      lock.lock();
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (ticker_.joinable()) ticker_.join();
    for (const auto& thread : threads_) thread->join();
    listener_.reset();
    threads_.clear();
  }

  const HttpServerOptions options_;
  BlockingPool pool_;  // ends after the threads
  BodyMemory body_memory_;
  Counter& refused_;
  ServerContext context_;
  std::unique_ptr<asio::ssl::context> tls_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t connections_ = 0;  // guarded by mutex_; also those that are handed out
  std::map<std::string, std::size_t, std::less<>> clients_;  // guarded by mutex_; their connections
  bool crowded_ = false;         // guarded by mutex_; somebody waits for a place
  bool stopping_ = false;        // guarded by mutex_

  std::vector<std::unique_ptr<IoThread>> threads_;
  std::unique_ptr<Listener> listener_;
  std::uint16_t port_ = 0;
  std::size_t next_thread_ = 0;  // the accepting thread's
  std::size_t next_asked_ = 0;   // the accepting thread's; for room
  std::thread ticker_;
  std::mutex drain_mutex_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> start_server(HttpHandler& handler,
                                                 const HttpServerOptions& options, Log& log,
                                                 Metrics& metrics, const ServerSeams& seams) {
  try {
    auto server = std::make_unique<Server>(handler, options, log, metrics, seams);
    SLIPWAY_CHECK(server->start());
    return std::unique_ptr<HttpServer>(std::move(server));
  } catch (const std::exception& exception) {
    return Error(ErrorCode::io, std::string("starting the HTTP server: ") + exception.what());
  }
}

}  // namespace slipway::beast

namespace slipway {

Result<std::unique_ptr<HttpServer>> start_http_server(HttpHandler& handler,
                                                      const HttpServerOptions& options, Log& log,
                                                      Metrics& metrics) {
  return beast::start_server(handler, options, log, metrics, {});
}

}  // namespace slipway
