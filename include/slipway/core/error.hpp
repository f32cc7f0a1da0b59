// Error: the one error value of Slipway.
//
// Errors are values: a function that can fail returns Result<T> (result.hpp) and its header names
// the codes to expect. The codes are few and closed, so that a caller can decide by them; the
// message is for people and says what was wrong with what, and what to do about it.
//
// Thread safety: a plain value.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace slipway {

enum class ErrorCode {
  invalid_argument,  // malformed input: never succeeds when repeated
  not_found,
  already_exists,
  conflict,        // the thing is in another state than the caller believed
  range_mismatch,  // an offset or byte range that does not fit; ask for the current one
  digest_mismatch,
  unauthenticated,  // nobody is known
  denied,           // known, but not allowed
  quota_exceeded,
  unsupported,
  too_large,
  cancelled,
  timed_out,
  unavailable,  // try again later
  corrupt,      // stored bytes are not what was written
  io,           // the operating system refused: disk full, file missing, connection broken
  internal,     // a defect of ours
};

/// The code's name as it stands in JSON, in C and in logs: "not_found".
constexpr std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::range_mismatch: return "range_mismatch";
    case ErrorCode::digest_mismatch: return "digest_mismatch";
    case ErrorCode::unauthenticated: return "unauthenticated";
    case ErrorCode::denied: return "denied";
    case ErrorCode::quota_exceeded: return "quota_exceeded";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::too_large: return "too_large";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::timed_out: return "timed_out";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::corrupt: return "corrupt";
    case ErrorCode::io: return "io";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;

  Error(ErrorCode error_code, std::string text) : code(error_code), message(std::move(text)) {}

  /// The same error seen from one step further out: "<context>: <message>".
  [[nodiscard]] Error in(std::string_view context) const {
    std::string text;
    text.reserve(context.size() + 2 + message.size());
    text.append(context).append(": ").append(message);
    return Error(code, std::move(text));
  }

  friend bool operator==(const Error&, const Error&) = default;
};

}  // namespace slipway
