// The chunked transfer coding (RFC 9112 section 7.1), decoded in place.
//
// Strict where leniency lets two readers of one stream disagree: lines end in CRLF, a size is plain
// hexadecimal digits without overflow, extensions and trailers are skipped within limits.
//
// Thread safety: none; a decoder belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace slipway::beast {

class ChunkedDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;  // bytes of the coding; fewer than given only when it has ended
    std::size_t payload = 0;   // bytes of content, now at the front of what was given
  };

  /// The next bytes as they came, of any number. Once malformed, everything is.
  Step decode(std::span<char> bytes) noexcept;

  [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
  [[nodiscard]] bool malformed() const noexcept { return state_ == State::malformed; }

 private:
  enum class State : std::uint8_t {
    size_start,
    size,
    space,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    end_lf,
    done,
    malformed
  };

  [[nodiscard]] State next(char c) noexcept;
  [[nodiscard]] State digit(char c) noexcept;
  [[nodiscard]] State skip(char c, State same, State line_end) noexcept;

  State state_ = State::size_start;
  std::uint64_t left_ = 0;      // of the chunk
  std::size_t skipped_ = 0;     // bytes of extensions and trailers
};

}  // namespace slipway::beast
