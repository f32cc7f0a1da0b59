// HttpHandler: what answers requests, without knowing a transport.
//
// A handler is called on an I/O thread as soon as a request's head has arrived, and says how the
// answer comes about:
//   - done: it filled the response there and then (point reads from memory);
//   - HttpBlocking: a function to run on a thread that may block;
//   - HttpReceive: the request's body is wanted, piece by piece.
// This is also the interface for transports of an embedder's own: see serve_inline.
//
// Thread safety: one handler serves many requests at once, from many threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <variant>

#include <slipway/core/result.hpp>
#include <slipway/http/message.hpp>

namespace slipway {

/// Takes a request's body. Members run on a thread that may block, one at a time. Destroyed without
/// finish when the peer went away or an append failed.
class BodyReceiver {
 public:
  virtual ~BodyReceiver() = default;

  /// The next bytes. On an error it has decided the answer by itself: the server calls `fail`.
  virtual Result<void> append(std::span<const std::byte> bytes) = 0;

  /// The body is complete: fill the response.
  virtual void finish(HttpResponse& response) = 0;

  /// As finish, but may return before the response is filled: `done` runs then, on any thread, and
  /// the receiver lives until it does.
  virtual void finish_then(HttpResponse& response, std::function<void()> done) {
    finish(response);
    done();
  }

  /// append answered this error, or the body was larger than allowed or malformed
  /// (invalid_argument, too_large): fill the response.
  virtual void fail(const Error& error, HttpResponse& response) = 0;
};

struct HttpDone {};

struct HttpBlocking {
  std::function<void(HttpResponse&)> run;
};

struct HttpReceive {
  std::unique_ptr<BodyReceiver> receiver;
  std::uint64_t max_bytes = UINT64_MAX;
  bool held_whole = false;  // the receiver keeps the body in memory until it is complete
};

using HttpAction = std::variant<HttpDone, HttpBlocking, HttpReceive>;

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  /// Runs on an I/O thread: must not block. `request` stays valid until the response was sent.
  virtual HttpAction handle(const HttpRequest& request, HttpResponse& response) = 0;

  /// Answers a request that the transport could not carry out (unavailable; timed_out, with 408: it
  /// came too slowly; internal) in the form in which this handler tells errors. Must not block.
  virtual void refuse(const HttpRequest& request, const Error& error, HttpResponse& response);

  /// A short, fixed name of the request's route for metrics and logs: "blob", "manifest", "hook".
  [[nodiscard]] virtual std::string_view route_name(const HttpRequest& request) const noexcept = 0;
};

/// Carries a request with its whole body through a handler on this thread, blocking parts
/// included: for tests, and for embedders whose transport has a thread a request.
void serve_inline(HttpHandler& handler, const HttpRequest& request, std::string_view body,
                  HttpResponse& response);

/// Receives a body of at most `limit` bytes as one string and then calls `finish` with it.
std::unique_ptr<BodyReceiver> receive_whole_body(
    std::uint64_t limit, std::function<void(std::string&& body, HttpResponse&)> finish,
    std::function<void(const Error&, HttpResponse&)> fail);

/// Sends each request to the handler whose path prefix is the longest match.
class HttpRouter final : public HttpHandler {
 public:
  /// "/v2/" matches "/v2/" and all below it, and "/v2"; "/" matches everything. The handler must
  /// outlive the router. Not to be called once requests arrive.
  void mount(std::string_view prefix, HttpHandler& handler);

  HttpAction handle(const HttpRequest& request, HttpResponse& response) override;
  void refuse(const HttpRequest& request, const Error& error, HttpResponse& response) override;
  [[nodiscard]] std::string_view route_name(const HttpRequest& request) const noexcept override;

 private:
  struct Mount {
    std::string prefix;
    HttpHandler* handler;
  };
  [[nodiscard]] HttpHandler* find(std::string_view path) const noexcept;

  std::vector<Mount> mounts_;  // longest prefix first
};

/// Answers with RFC 9457 `application/problem+json`: {"title", "status", "detail", "code"}.
/// The status is the one that http_status gives for the error's code.
void respond_with_problem(const Error& error, HttpResponse& response);
int http_status(ErrorCode code) noexcept;

}  // namespace slipway
