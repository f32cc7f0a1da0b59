#include "beast/io_thread.hpp"

#include <unistd.h>

#include <algorithm>
#include <exception>

#include <boost/system/system_error.hpp>

#include "beast/channel.hpp"
#include "beast/connection.hpp"
#include "beast/response_head.hpp"

namespace slipway::beast {
namespace {

constexpr std::size_t most_spare_buffers = 8;
constexpr std::size_t most_spare_head_buffers = 64;

}  // namespace

std::chrono::nanoseconds IoThread::shortest_timeout(const HttpServerOptions& options) noexcept {
  return std::max<std::chrono::nanoseconds>(
      std::chrono::milliseconds(1),
      std::min({options.head_timeout, options.idle_timeout, options.stall_timeout,
                options.stream_keep_alive}));
}

IoThread::IoThread(ServerContext& server)
    : server_(server),
      work_(context_.get_executor()),
      wheel_(shortest_timeout(server.options), server.clock.monotonic()),
      metrics_(server.metrics),
      date_(http_date(server.clock.now())) {}

IoThread::~IoThread() { join(); }

void IoThread::start() {
  thread_ = std::thread([this] { context_.run(); });
}

void IoThread::join() {
  work_.reset();
  if (thread_.joinable()) thread_.join();
}

void IoThread::adopt(int descriptor, bool ip_v6, std::string peer, std::string client,
                     asio::ssl::context* tls) {
  Socket socket(context_);
  Failure failure;
  socket.assign(ip_v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), descriptor, failure);
  if (failure) ::close(descriptor);
  try {
    if (failure) throw boost::system::system_error(failure);
    if (draining_) return server_.connection_closed(client);
    auto connection =
        std::make_unique<Connection>(*this, std::move(peer), client, tls != nullptr);
    auto channel = tls != nullptr ? make_tls_channel(std::move(socket), *tls, *connection)
                                  : make_plain_channel(std::move(socket), *connection);
    adopt(std::move(connection), std::move(channel));
  } catch (const std::exception& exception) {
    server_.log.warning("connection not taken", {{"error", exception.what()}});
    server_.connection_closed(client);
  }
}

void IoThread::adopt(std::unique_ptr<Connection> connection, std::unique_ptr<Channel> channel) {
  waiting_.push_back(connection.get());
  connection->place = {std::prev(waiting_.end()), true};
  metrics_.opened();
  connection.release()->start(std::move(channel));  // it deletes itself once it is closed
}

void IoThread::closed(Connection& connection) noexcept {
  (connection.place.waits ? waiting_ : working_).erase(connection.place.at);
  metrics_.closed();
  metrics_.flush();
  server_.connection_closed(connection.client());
}

void IoThread::queue_turn(Connection& connection) {
  strangers_.push_back(&connection);
  post_turn();
}

void IoThread::post_turn() {
  if (std::exchange(turn_posted_, true)) return;
  // The loop looks for events, then does what was posted before it looked, then what it found. So
  // it is only behind a second post that what it found has been done.
  post([this] {
    post([this] {
      turn_posted_ = false;
      next_turn();
    });
  });
}

void IoThread::next_turn() {
  Connection& connection = *strangers_.front();
  strangers_.pop_front();
  connection.take_turn();
  if (!strangers_.empty()) post_turn();
}

void IoThread::now_waits(Connection& connection) noexcept {
  Place& place = connection.place;
  waiting_.splice(waiting_.end(), place.waits ? waiting_ : working_, place.at);
  place.waits = true;
}

void IoThread::now_works(Connection& connection) noexcept {
  Place& place = connection.place;
  if (!std::exchange(place.waits, false)) return;
  working_.splice(working_.end(), waiting_, place.at);
}

bool IoThread::make_room() {
  if (waiting_.empty()) return false;
  waiting_.front()->give_way();
  return true;
}

std::vector<Connection*> IoThread::all() const {
  std::vector<Connection*> connections(waiting_.begin(), waiting_.end());
  connections.insert(connections.end(), working_.begin(), working_.end());
  return connections;
}

void IoThread::tick() {
  date_ = http_date(server_.clock.now());
  wheel_.advance(server_.clock.monotonic());
  metrics_.flush();
}

void IoThread::drain() {
  draining_ = true;
  for (Connection* connection : all()) connection->drain();
}

void IoThread::abort() {
  for (Connection* connection : all()) connection->abort();
}

Bytes IoThread::take_buffer() {
  if (spare_buffers_.empty()) return std::make_unique_for_overwrite<char[]>(body_buffer_size);
  Bytes buffer = std::move(spare_buffers_.back());
  spare_buffers_.pop_back();
  return buffer;
}

void IoThread::give_back(Bytes buffer) noexcept {
  if (buffer != nullptr && spare_buffers_.size() < most_spare_buffers)
    spare_buffers_.push_back(std::move(buffer));
}

Bytes IoThread::take_head_buffer() {
  if (spare_head_buffers_.empty())
    return std::make_unique_for_overwrite<char[]>(server_.options.max_head_bytes);
  Bytes buffer = std::move(spare_head_buffers_.back());
  spare_head_buffers_.pop_back();
  return buffer;
}

void IoThread::give_back_head(Bytes buffer) noexcept {
  if (buffer != nullptr && spare_head_buffers_.size() < most_spare_head_buffers)
    spare_head_buffers_.push_back(std::move(buffer));
}

}  // namespace slipway::beast
