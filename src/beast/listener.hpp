// Listener: the socket that waits for connections, and the sharing out of them among I/O threads.
//
// One I/O thread accepts and hands each connection to the next thread in turn: unlike sockets that
// share a port, that spreads a few long-lived connections evenly and loses none when it is closed.
// Sockets are close-on-exec from their first moment, because workers are forked from this process.
//
// Accepting pauses at the limit of connections and when descriptors or memory have run out, and says
// so if somebody waits: then it goes on when a connection has closed, or with the next tick.
//
// Thread safety: `open` before the threads run; the rest on the accepting thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <slipway/core/result.hpp>
#include <slipway/support/log.hpp>

#include "beast/asio.hpp"

namespace slipway::beast {

class Listener {
 public:
  /// What to do with an accepted descriptor. False: no more for now.
  struct Accepted {
    int descriptor;
    bool ip_v6;
    std::string peer;    // "192.0.2.1:40112", "[2001:db8::1]:40112"
    std::string client;  // "192.0.2.1", "2001:db8::/64"
  };
  using Take = std::function<void(Accepted&&)>;
  using MayTake = std::function<bool()>;
  /// Somebody waits for whom there is no place.
  using Crowded = std::function<void()>;

  Listener(asio::io_context& context, Log& log, MayTake may_take, Take take, Crowded crowded);

  /// Binds and listens. Errors: conflict, denied, invalid_argument, io.
  Result<void> open(const std::string& host, std::uint16_t port);
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  void start();
  /// Goes on after a pause; does nothing otherwise.
  void resume();
  void close() noexcept;

 private:
  void wait();
  void accept_all();
  [[nodiscard]] bool accept_one();
  [[nodiscard]] bool somebody_waits() noexcept;

  Log& log_;
  const MayTake may_take_;
  const Take take_;
  const Crowded crowded_;
  asio::posix::basic_stream_descriptor<Executor> descriptor_;
  std::uint16_t port_ = 0;
  bool ip_v6_ = false;
  bool waiting_ = false;
  bool exhausted_ = false;
};

}  // namespace slipway::beast
