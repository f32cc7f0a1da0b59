// The head of a response as bytes, made by hand into memory that is used again.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/timestamp.hpp>
#include <slipway/http/message.hpp>

namespace slipway::beast {

/// "Tue, 24 Nov 2026 09:05:03 GMT": RFC 9110 section 5.6.7.
std::string http_date(Timestamp time);

/// How the length of a response's body is told.
struct BodyLength {
  enum class Kind : std::uint8_t { none, known, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t bytes = 0;
};

enum class ConnectionField : std::uint8_t { none, close, keep_alive };

/// Replaces `out`.
void write_response_head(std::string& out, const HttpResponse& response, std::string_view date,
                         BodyLength length, ConnectionField connection);

}  // namespace slipway::beast
