// IoThread: one event loop with everything that its connections share: timeouts, the date,
// buffers, metrics. What belongs to the server as a whole is in ServerContext.
//
// Thread safety: `post` from any thread, the rest on the loop's own thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ssl/context.hpp>

#include <slipway/http/server.hpp>
#include <slipway/support/clock.hpp>

#include "beast/asio.hpp"
#include "beast/blocking_pool.hpp"
#include "beast/body_memory.hpp"
#include "beast/request_metrics.hpp"
#include "beast/timer_wheel.hpp"

namespace slipway::beast {

class Channel;
class Connection;

/// What all threads of a server share. Nothing of it changes while connections exist, but what is
/// safe from any thread by itself.
struct ServerContext {
  HttpHandler& handler;
  const HttpServerOptions& options;
  Log& log;
  Metrics& metrics;
  Clock& clock;
  BlockingPool& pool;
  BodyMemory& body_memory;
  std::function<void(std::string_view client)> connection_closed;  // from any I/O thread
};

/// A buffer for bodies; its memory goes back to its thread.
using Bytes = std::unique_ptr<char[]>;

class IoThread {
 public:
  explicit IoThread(ServerContext& server);
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void start();
  /// Lets the loop end once nothing is left to do, and waits for that.
  void join();

  [[nodiscard]] asio::io_context& context() noexcept { return context_; }
  [[nodiscard]] ServerContext& server() noexcept { return server_; }
  [[nodiscard]] TimerWheel& wheel() noexcept { return wheel_; }
  [[nodiscard]] RequestMetrics& metrics() noexcept { return metrics_; }
  [[nodiscard]] std::string_view date() const noexcept { return date_; }

  /// From any thread.
  template <class Act>
  void post(Act&& act) {
    asio::post(context_, std::forward<Act>(act));
  }

  /// Takes over a socket that was accepted. `tls` may be null.
  void adopt(int descriptor, bool ip_v6, std::string peer, std::string client,
             asio::ssl::context* tls);
  /// Starts a connection over its channel.
  void adopt(std::unique_ptr<Connection> connection, std::unique_ptr<Channel> channel);

  /// Time has passed.
  void tick();
  /// Connections end as soon as they can; those that are idle at once.
  void drain();
  /// Connections end now.
  void abort();
  [[nodiscard]] bool draining() const noexcept { return draining_; }

  /// Buffers of body_buffer_size bytes; a few are kept.
  static constexpr std::size_t body_buffer_size = std::size_t{256} * 1024;
  Bytes take_buffer();
  void give_back(Bytes buffer) noexcept;
  /// Buffers of max_head_bytes; some are kept. The one that is given back may be null.
  Bytes take_head_buffer();
  void give_back_head(Bytes buffer) noexcept;

  /// Where a connection is listed: among those that wait for a request, in the order in which they
  /// began to, or among the others.
  struct Place {
    std::list<Connection*>::iterator at;
    bool waits = false;
  };
  void now_waits(Connection& connection) noexcept;
  void now_works(Connection& connection) noexcept;
  /// Ends the connection that has waited longest for a request. False: none does.
  bool make_room();

  /// Calls take_turn of a connection that is no regular. Regulars that have something to do come
  /// first: between two strangers the loop looks for events, so what one of them costs is the most
  /// that strangers, however many act at once, hold up the others.
  void queue_turn(Connection& connection);

  void closed(Connection& connection) noexcept;

 private:
  void post_turn();
  void next_turn();

  static std::chrono::nanoseconds shortest_timeout(const HttpServerOptions& options) noexcept;
  [[nodiscard]] std::vector<Connection*> all() const;

  ServerContext& server_;
  asio::io_context context_{1};
  asio::executor_work_guard<Executor> work_;
  TimerWheel wheel_;
  RequestMetrics metrics_;
  std::string date_;
  std::list<Connection*> waiting_;
  std::list<Connection*> working_;
  std::deque<Connection*> strangers_;  // that wait for their turn
  bool turn_posted_ = false;
  std::vector<Bytes> spare_buffers_;
  std::vector<Bytes> spare_head_buffers_;
  bool draining_ = false;
  std::thread thread_;
};

}  // namespace slipway::beast
