// A connection's bytes through the server's state machine, without a socket: heads, chunked bodies,
// pipelining, refusals. What a handler is given does not depend on how the bytes were cut, and the
// registry behind it survives what comes.
#include <slipway/auth/token.hpp>
#include <slipway/http/oci_handler.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/storage/memory_object_store.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "beast/connection.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace slipway;
using namespace slipway::beast;

namespace {

/// The peer has sent all of it, a piece a read, and closed its side; it takes every answer.
class MemoryChannel final : public Channel {
 public:
  MemoryChannel(IoThread& thread, ChannelOwner& owner, std::string_view bytes, std::size_t piece,
                std::string& out)
      : thread_(thread), owner_(owner), rest_(bytes), piece_(piece), out_(out) {}

  bool handshake() override { return false; }

  void read() override {
    thread_.post([this] {
      const std::span<char> into = closed_ ? std::span<char>() : owner_.read_space();
      const std::size_t size = closed_ ? 0 : rest_.copy(into.data(), std::min(into.size(), piece_));
      rest_.remove_prefix(size);
      owner_.on_read(size > 0 ? Failure() : Failure(asio::error::eof), size);
    });
  }

  std::optional<std::size_t> read_now(std::span<char> into) override {
    const std::size_t size = rest_.copy(into.data(), std::min(into.size(), piece_));
    rest_.remove_prefix(size);
    return size > 0 ? std::optional(size) : std::nullopt;
  }
  void detach() noexcept override {}
  void attach() noexcept override {}
  void shut_down() noexcept override { closed_ = true; }

  std::optional<std::size_t> write(const Gather& pieces, Failure&) override {
    std::size_t size = 0;
    for (const asio::const_buffer& piece : pieces) {
      out_.append(static_cast<const char*>(piece.data()), piece.size());
      size += piece.size();
    }
    return size;
  }

  [[nodiscard]] std::size_t unacknowledged() noexcept override { return 0; }
  [[nodiscard]] bool prefers_one_piece() const noexcept override { return false; }
  void linger() override {
    thread_.post([this] { owner_.on_lingered(); });
  }
  void close() noexcept override { closed_ = true; }

 private:
  IoThread& thread_;
  ChannelOwner& owner_;
  std::string_view rest_;
  const std::size_t piece_;
  std::string& out_;
  std::atomic<bool> closed_ = false;
};

/// Writes down what it was given.
class Recorder final : public HttpHandler {
 public:
  HttpAction handle(const HttpRequest& request, HttpResponse& response) override {
    // RFC 9112 section 6.1: a message framed in two ways reaches nobody.
    FUZZ_EXPECT(request.field("Transfer-Encoding").empty() ||
                request.field("Content-Length").empty());
    std::string line(request.method_text);
    line.append(" ").append(request.target);
    if (!request.has_body) {
      records.push_back(std::move(line));
      response.bytes() = "ok";
      return HttpDone();
    }
    const auto finish = [this, line](std::string&& body, HttpResponse& later) {
      records.push_back(line + " " + body);
      later.bytes() = "ok";
    };
    const auto fail = [this, line](const Error&, HttpResponse& later) {
      records.push_back(line + " failed");
      later.status = 400;
    };
    return HttpReceive{receive_whole_body(most_body, finish, fail), most_body};
  }

  [[nodiscard]] std::string_view route_name(const HttpRequest&) const noexcept override {
    return "any";
  }

  std::vector<std::string> records;

 private:
  static constexpr std::uint64_t most_body = 4096;
};

/// What was answered to these bytes.
std::string converse(HttpHandler& handler, std::string_view bytes, std::size_t piece) {
  static ManualClock clock(*parse_rfc3339("2026-11-24T09:05:03.007Z"));
  const HttpServerOptions options;
  bool closed = false;
  BodyMemory memory(std::size_t{64} << 20U);
  auto pool = std::make_unique<BlockingPool>(1, 4096);
  ServerContext context{handler, options, Log::none(), Metrics::none(), clock,
                        *pool,   memory,  [&](std::string_view) { closed = true; }};
  IoThread thread(context);
  std::string out;
  auto connection = std::make_unique<Connection>(thread, "127.0.0.1:40112", "127.0.0.1", false);
  auto channel = std::make_unique<MemoryChannel>(thread, *connection, bytes, piece, out);
  thread.adopt(std::move(connection), std::move(channel));
  while (!closed) thread.context().run_one();
  pool.reset();  // its thread may still be on its way out of the context that it told
  FUZZ_EXPECT(out.empty() || out.starts_with("HTTP/1.1 "));
  return out;
}

void ask_registry(std::string_view bytes, std::size_t piece) {
  ManualClock clock(*parse_rfc3339("2026-11-24T09:05:03.007Z"));
  const auto metadata = make_memory_metadata_store();
  const auto objects = make_memory_object_store();
  BlobStore blobs(*metadata, *objects, clock);
  const auto registry = open_registry(blobs, clock);
  TokenStore tokens(*metadata, clock);
  const Authenticator authenticator({&tokens});
  const AccessPolicy policy(AnonymousAccess::push);
  const auto handler = make_oci_handler(**registry, authenticator, policy);
  converse(*handler, bytes, piece);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(fuzz::text_of(data, size));
  const std::size_t piece = 1 + input.byte();
  const std::string_view bytes = input.rest();
  Recorder whole;
  Recorder cut;
  converse(whole, bytes, bytes.size() + 1);
  converse(cut, bytes, piece);
  FUZZ_EXPECT(whole.records == cut.records);
  ask_registry(bytes, piece);
  return 0;
}
