// HTTP messages as handlers see them: transport-free values.
//
// A request's texts are views into memory of whoever made it (a connection's buffer, a test's
// strings); they stay valid until the response has been sent. A response is filled in place and is
// reused by its connection, so that the steady state allocates nothing.
//
// Semantics: RFC 9110. Field names compare without regard to case.
//
// Thread safety: none; a message belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <slipway/core/byte_range.hpp>
#include <slipway/storage/object_store.hpp>

namespace slipway {

enum class HttpMethod : std::uint8_t { get, head, post, put, patch, delete_, options, other };

/// "GET", "HEAD", ...; "?" for other.
std::string_view to_string(HttpMethod method) noexcept;
HttpMethod parse_http_method(std::string_view text) noexcept;

/// Compares ASCII without regard to case: field names, schemes.
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

struct HttpField {
  std::string_view name;
  std::string_view value;
};

class HttpRequest {
 public:
  HttpMethod method = HttpMethod::other;
  std::string_view method_text;
  /// As sent: path and query, percent-encoding untouched.
  std::string_view target;
  std::span<const HttpField> fields;
  /// From Content-Length; nullopt when chunked (or absent: then has_body is false).
  std::optional<std::uint64_t> content_length;
  bool has_body = false;
  /// The peer's address, for logs: "127.0.0.1:40112".
  std::string_view peer;
  bool secure = false;  // it came over TLS

  /// The target up to `?`.
  [[nodiscard]] std::string_view path() const noexcept {
    return target.substr(0, target.find('?'));
  }
  /// The target behind `?`; empty without one.
  [[nodiscard]] std::string_view query() const noexcept {
    const std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  }
  /// The first field of that name; empty when there is none.
  [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
};

/// Decodes %XX. nullopt for a malformed escape or a NUL byte. `+` stays `+`.
std::optional<std::string> percent_decode(std::string_view text);
/// Encodes all but unreserved characters (RFC 3986 section 2.3) and those of `keep`.
std::string percent_encode(std::string_view text, std::string_view keep = {});

struct QueryParameter {
  std::string name;
  std::string value;
};
/// name=value pairs split at `&`, decoded (`+` is a space, as forms write it), in order; at most
/// `most`. nullopt when malformed or too many.
std::optional<std::vector<QueryParameter>> parse_query(std::string_view query,
                                                       std::size_t most = 256);
/// The first parameter of that name, decoded; nullopt when it is not there or malformed.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

// ---- bodies of responses ----

/// Bytes of a published object, sent from the page cache.
struct ObjectBody {
  std::shared_ptr<const Object> object;
  ByteRange range;
};

/// Parts of a published object, each behind a text: multipart/byteranges.
struct ObjectPartsBody {
  struct Part {
    std::string text;  // goes first
    ByteRange range;   // of the object; an empty one is the text alone
  };
  std::shared_ptr<const Object> object;
  std::vector<Part> parts;

  /// Of the whole body, in bytes.
  [[nodiscard]] std::uint64_t size() const noexcept {
    std::uint64_t size = 0;
    for (const Part& part : parts) size += part.text.size() + part.range.length;
    return size;
  }
};

/// Bytes that several answers may be sending at the same time. They never change.
struct SharedBytes {
  std::shared_ptr<const std::string> owner;
  std::string_view bytes;  // of the owner
};

/// A body that comes in pieces, when there are some. Nobody waits in a thread for it.
class BodyStream {
 public:
  /// `broken`: the rest cannot be had; the connection is cut, so that nobody takes what came for the
  /// whole.
  enum class State { more, waiting, end, broken };

  virtual ~BodyStream() = default;

  /// Appends what there is now, some tens of KiB at most, to `out`. `more`: call again once it has
  /// been sent. `waiting`: nothing now; the wake-up will be called. `end`: the body is complete.
  /// Must not block; runs on an I/O thread.
  virtual State next(std::string& out) = 0;

  /// As next, for who can send bytes without owning them: what there is goes into `out` or into
  /// `shared`, which come empty, never into both. A stream whose bytes are its own leaves this.
  virtual State next_shared(std::string& out, SharedBytes& /*shared*/) { return next(out); }

  /// Called once, before the first next: whom to call, from any thread, when next may have more
  /// after it answered `waiting`. The function is safe to call after the connection has gone.
  virtual void on_ready(std::function<void()> wake) = 0;

  /// What may be sent while it waits and has long said nothing, so that nobody on the way takes the
  /// connection for dead: readers pass over it. Empty: there is no such thing in this body.
  [[nodiscard]] virtual std::string_view keep_alive() const noexcept { return {}; }
};

class HttpResponse {
 public:
  using Body = std::variant<std::monostate, std::string, ObjectBody, ObjectPartsBody,
                            std::unique_ptr<BodyStream>>;

  int status = 200;

  /// Adds a field. Values with a line break are refused (the field is left out): a response cannot
  /// be split. Content-Length, Transfer-Encoding, Date and Connection are the server's.
  void add(std::string_view name, std::string_view value);
  void add(std::string_view name, std::uint64_t value);

  /// The fields as they go on the wire: "Name: value\r\n"...
  [[nodiscard]] const std::string& head() const noexcept { return head_; }
  /// The first field of that name; empty when there is none. For tests and adapters.
  [[nodiscard]] std::string_view field(std::string_view name) const noexcept;

  [[nodiscard]] Body& body() noexcept { return body_; }
  [[nodiscard]] const Body& body() const noexcept { return body_; }
  /// The body as bytes, to fill in place. Keeps the memory of an earlier response.
  std::string& bytes();
  /// The body as bytes; empty when it is of another kind.
  [[nodiscard]] std::string_view text() const noexcept;

  /// For HEAD: what Content-Length says although no body is sent.
  std::optional<std::uint64_t> content_length;
  /// Close the connection after this response.
  bool close = false;

  /// Back to an empty 200, keeping memory.
  void clear();

 private:
  std::string head_;
  Body body_;
  std::string spare_;  // memory of the last bytes body
};

}  // namespace slipway
