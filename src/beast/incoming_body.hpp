// IncomingBody: where a message's body ends, in either framing (RFC 9112 section 6.3).
//
// Thread safety: none.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "beast/chunked.hpp"

namespace slipway::beast {

class IncomingBody {
 public:
  enum class Framing : std::uint8_t { length, chunked, until_close };

  /// No body.
  IncomingBody() = default;
  static IncomingBody of_length(std::uint64_t length) noexcept {
    return {Framing::length, length};
  }
  static IncomingBody chunked() noexcept { return {Framing::chunked, 0}; }
  static IncomingBody until_close() noexcept { return {Framing::until_close, 0}; }

  [[nodiscard]] bool done() const noexcept {
    switch (framing_) {
      case Framing::length: return left_ == 0;
      case Framing::chunked: return chunks_.done();
      case Framing::until_close: return closed_;
    }
    return true;
  }
  [[nodiscard]] bool malformed() const noexcept { return chunks_.malformed(); }
  /// Bytes that are still to come, where that is known.
  [[nodiscard]] std::optional<std::uint64_t> left() const noexcept {
    return framing_ == Framing::length ? std::optional(left_) : std::nullopt;
  }

  /// The next bytes as they came; moves the content among them to their front.
  ChunkedDecoder::Step take(std::span<char> bytes) noexcept {
    if (framing_ == Framing::chunked) return chunks_.decode(bytes);
    std::size_t size = bytes.size();
    if (framing_ == Framing::length) {
      size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size));
      left_ -= size;
    }
    return {size, size};
  }

  /// The peer closed: the end of a body until_close. False: it came too early.
  bool close() noexcept {
    closed_ = true;
    return done();
  }

 private:
  IncomingBody(Framing framing, std::uint64_t length) noexcept : framing_(framing), left_(length) {}

  Framing framing_ = Framing::length;
  bool closed_ = false;
  std::uint64_t left_ = 0;
  ChunkedDecoder chunks_;
};

}  // namespace slipway::beast
