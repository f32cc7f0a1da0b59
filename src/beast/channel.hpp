// Channel: the bytes of one connection, plain or through TLS, for the state machine above it.
//
// One read and one write may be under way at once. What completes later calls the owner, always
// from the event loop and never from within the call that began it.
//
// Thread safety: none; everything on the connection's I/O thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

#include "beast/asio.hpp"

namespace slipway::beast {

/// A head and what follows it, in the order in which it goes out. Empty pieces are none.
using Gather = std::array<asio::const_buffer, 4>;

class ChannelOwner {
 public:
  /// Where the bytes that are being read shall go; it must stay until on_read.
  virtual std::span<char> read_space() = 0;
  virtual void on_handshake(const Failure& failure) = 0;
  virtual void on_read(const Failure& failure, std::size_t size) = 0;
  virtual void on_written(const Failure& failure, std::size_t size) = 0;
  virtual void on_lingered() = 0;

 protected:
  ~ChannelOwner() = default;
};

class Channel {
 public:
  virtual ~Channel() = default;

  /// Then on_handshake. False: there is none to make.
  virtual bool handshake() = 0;

  /// Then on_read, with what there is, at least one byte. The space for it is asked for when there
  /// are bytes, where that can be known before they are read, so that one who sends nothing costs
  /// no buffer.
  virtual void read() = 0;
  /// What has come already, read at once: how much, or nullopt, also when that cannot be known. From
  /// any thread, as long as neither a read is under way nor close is called.
  virtual std::optional<std::size_t> read_now(std::span<char> into) = 0;
  /// The event loop does not look at the socket until `attach`: another thread reads from it, and
  /// the loop would wake up for all that comes. REQUIRES: nothing is under way.
  virtual void detach() noexcept = 0;
  virtual void attach() noexcept = 0;

  /// Writes some of it: how much, where that is known at once, else nullopt, and then on_written.
  virtual std::optional<std::size_t> write(const Gather& pieces, Failure& failure) = 0;

  /// Bytes that were written and that the peer has not acknowledged yet.
  [[nodiscard]] virtual std::size_t unacknowledged() noexcept = 0;

  /// Whether one small piece is better than two.
  [[nodiscard]] virtual bool prefers_one_piece() const noexcept = 0;

  /// Says that nothing more will be written, and reads and drops what still comes, so that the
  /// peer can read the answer; then on_lingered, once the peer has closed too. A read may be under
  /// way.
  virtual void linger() = 0;

  /// Nothing comes or goes any more; the socket stays until close, so that another thread may still
  /// be within read_now.
  virtual void shut_down() noexcept = 0;

  /// Ends everything that is under way, with a failure.
  virtual void close() noexcept = 0;
};

std::unique_ptr<Channel> make_plain_channel(Socket&& socket, ChannelOwner& owner);
std::unique_ptr<Channel> make_tls_channel(Socket&& socket, asio::ssl::context& context,
                                          ChannelOwner& owner);

}  // namespace slipway::beast
