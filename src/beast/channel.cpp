#include "beast/channel.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/stream.hpp>

namespace slipway::beast {
namespace {

/// Reads and drops until the peer closes: the last act of a connection.
class Lingering {
 public:
  void start(Socket& socket, ChannelOwner& owner) {
    Failure ignored;
    socket.shutdown(Socket::shutdown_send, ignored);
    read(socket, owner);
  }

 private:
  void read(Socket& socket, ChannelOwner& owner) {
    socket.async_wait(Socket::wait_read, [this, &socket, &owner](const Failure& failure) {
      if (failure || !drop(socket.native_handle())) return owner.on_lingered();
      read(socket, owner);
    });
  }

  /// False: the peer has closed.
  static bool drop(int socket) noexcept {
    thread_local std::array<char, std::size_t{64} * 1024> nowhere;
    const ssize_t size = ::recv(socket, nowhere.data(), nowhere.size(), MSG_DONTWAIT);
    return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
  }
};

void close_socket(Socket& socket) noexcept {
  Failure ignored;
  socket.close(ignored);
}

std::size_t unacknowledged_bytes(int socket) noexcept {
  int bytes = 0;
  return ::ioctl(socket, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

class PlainChannel final : public Channel {
 public:
  PlainChannel(Socket&& socket, ChannelOwner& owner)
      : socket_(std::move(socket)), owner_(owner), descriptor_(socket_.native_handle()) {}
  ~PlainChannel() override {
    if (detached_) ::close(descriptor_);
  }
  PlainChannel(const PlainChannel&) = delete;
  PlainChannel& operator=(const PlainChannel&) = delete;

  bool handshake() override { return false; }

  void read() override {
    socket_.async_wait(Socket::wait_read, [this](Failure failure) {
      std::size_t size = 0;
      if (!failure) size = receive(owner_.read_space(), failure);
      if (failure == asio::error::would_block) return read();
      owner_.on_read(failure, size);
    });
  }

  std::optional<std::size_t> read_now(std::span<char> into) override {
    for (;;) {
      const ssize_t size = ::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT);
      if (size > 0) return static_cast<std::size_t>(size);
      if (size == 0 || errno != EINTR) return std::nullopt;  // `read` tells of the failure
    }
  }

  void detach() noexcept override {
    Failure failure;
    protocol_ = socket_.local_endpoint(failure).protocol();
    if (failure) return;
    socket_.release(failure);
    detached_ = !failure;
  }
  void attach() noexcept override {
    if (!detached_) return;
    Failure failure;
    socket_.assign(protocol_, descriptor_, failure);
    detached_ = static_cast<bool>(failure);  // then whatever is asked of it fails
  }

  std::optional<std::size_t> write(const Gather& pieces, Failure& failure) override {
    const std::size_t size = send(pieces, failure);
    if (failure != asio::error::would_block) return size;
    failure = {};
    pending_ = pieces;
    wait();
    return std::nullopt;
  }

  [[nodiscard]] std::size_t unacknowledged() noexcept override {
    return unacknowledged_bytes(descriptor_);
  }

  [[nodiscard]] bool prefers_one_piece() const noexcept override { return false; }

  void linger() override {
    lingering_ = std::make_unique<Lingering>();
    lingering_->start(socket_, owner_);
  }

  void shut_down() noexcept override { ::shutdown(descriptor_, SHUT_RDWR); }
  void close() noexcept override { close_socket(socket_); }

 private:
  void wait() {
    socket_.async_wait(Socket::wait_write, [this](Failure failure) {
      const std::size_t size = failure ? 0 : send(pending_, failure);
      if (failure == asio::error::would_block) return wait();
      owner_.on_written(failure, size);
    });
  }

  std::size_t receive(std::span<char> into, Failure& failure) {
    for (;;) {
      const ssize_t size = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
      if (size > 0) return static_cast<std::size_t>(size);
      if (size < 0 && errno == EINTR) continue;
      failure = size == 0 ? Failure(asio::error::eof)
                          : Failure(errno, boost::system::system_category());
      return 0;
    }
  }

  std::size_t send(const Gather& pieces, Failure& failure) {
    std::array<iovec, std::tuple_size_v<Gather>> vectors{};
    std::size_t count = 0;
    for (const asio::const_buffer& piece : pieces)
      if (piece.size() > 0) vectors[count++] = {const_cast<void*>(piece.data()), piece.size()};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    for (;;) {
      const ssize_t sent =
          ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) return static_cast<std::size_t>(sent);
      if (errno == EINTR) continue;
      failure = Failure(errno, boost::system::system_category());
      return 0;
    }
  }

  Socket socket_;
  ChannelOwner& owner_;
  const int descriptor_;
  bool detached_ = false;
  asio::ip::tcp protocol_ = asio::ip::tcp::v4();  // while it is detached
  Gather pending_;
  std::unique_ptr<Lingering> lingering_;
};

class TlsChannel final : public Channel {
 public:
  TlsChannel(Socket&& socket, asio::ssl::context& context, ChannelOwner& owner)
      : stream_(std::move(socket), context), owner_(owner) {}

  bool handshake() override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [this](const Failure& failure) { owner_.on_handshake(failure); });
    return true;
  }

  void read() override {
    const std::span<char> into = owner_.read_space();
    stream_.async_read_some(asio::buffer(into.data(), into.size()),
                            [this](const Failure& failure, std::size_t size) {
                              owner_.on_read(failure, size);
                            });
  }

  /// There may be bytes within the TLS engine that the socket knows nothing of.
  std::optional<std::size_t> read_now(std::span<char> /*into*/) override { return std::nullopt; }

  std::optional<std::size_t> write(const Gather& pieces, Failure&) override {
    const auto first = std::find_if(pieces.begin(), pieces.end(),
                                    [](const auto& piece) { return piece.size() > 0; });
    stream_.async_write_some(*first,
                             [this](const Failure& failure, std::size_t size) {
                               owner_.on_written(failure, size);
                             });
    return std::nullopt;
  }

  [[nodiscard]] std::size_t unacknowledged() noexcept override {
    return unacknowledged_bytes(stream_.next_layer().native_handle());
  }

  [[nodiscard]] bool prefers_one_piece() const noexcept override { return true; }

  void linger() override {
    lingering_ = std::make_unique<Lingering>();
    stream_.async_shutdown(
        [this](const Failure&) { lingering_->start(stream_.next_layer(), owner_); });
  }

  void detach() noexcept override {}
  void attach() noexcept override {}
  void shut_down() noexcept override {
    Failure ignored;
    stream_.next_layer().shutdown(Socket::shutdown_both, ignored);
  }
  void close() noexcept override { close_socket(stream_.next_layer()); }

 private:
  asio::ssl::stream<Socket> stream_;
  ChannelOwner& owner_;
  std::unique_ptr<Lingering> lingering_;
};

}  // namespace

std::unique_ptr<Channel> make_plain_channel(Socket&& socket, ChannelOwner& owner) {
  return std::make_unique<PlainChannel>(std::move(socket), owner);
}

std::unique_ptr<Channel> make_tls_channel(Socket&& socket, asio::ssl::context& context,
                                          ChannelOwner& owner) {
  return std::make_unique<TlsChannel>(std::move(socket), context, owner);
}

}  // namespace slipway::beast
