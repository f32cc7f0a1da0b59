#include "beast/chunked.hpp"

#include <algorithm>
#include <cstring>

namespace slipway::beast {
namespace {

constexpr std::size_t most_skipped = std::size_t{16} * 1024;
constexpr std::uint64_t most_before_shift = UINT64_MAX >> 5U;  // a chunk stays below 2^63

constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool is_control(char c) noexcept {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::decode(std::span<char> bytes) noexcept {
  Step step;
  while (step.consumed < bytes.size() && state_ != State::done && state_ != State::malformed) {
    if (state_ != State::data) {
      state_ = next(bytes[step.consumed++]);
      continue;
    }
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(left_, bytes.size() - step.consumed));
    std::memmove(bytes.data() + step.payload, bytes.data() + step.consumed, size);
    step.payload += size;
    step.consumed += size;
    left_ -= size;
    if (left_ == 0) state_ = State::data_cr;
  }
  return step;
}

ChunkedDecoder::State ChunkedDecoder::next(char c) noexcept {
  switch (state_) {
    case State::size_start:
      left_ = 0;
      return hex_digit(c) < 0 ? State::malformed : digit(c);
    case State::size:
      if (hex_digit(c) >= 0) return digit(c);
      [[fallthrough]];
    case State::space:
      if (c == ' ' || c == '\t') return skip(c, State::space, State::malformed);
      if (c == ';') return State::extension;
      return c == '\r' && state_ == State::size ? State::size_lf : State::malformed;
    case State::extension: return skip(c, State::extension, State::size_lf);
    case State::size_lf:
      if (c != '\n') return State::malformed;
      return left_ == 0 ? State::trailer_start : State::data;
    case State::data_cr: return c == '\r' ? State::data_lf : State::malformed;
    case State::data_lf: return c == '\n' ? State::size_start : State::malformed;
    case State::trailer_start:
      if (c == '\r') return State::end_lf;
      [[fallthrough]];
    case State::trailer: return skip(c, State::trailer, State::trailer_lf);
    case State::trailer_lf: return c == '\n' ? State::trailer_start : State::malformed;
    case State::end_lf: return c == '\n' ? State::done : State::malformed;
    case State::data:
    case State::done:
    case State::malformed: break;
  }
  return State::malformed;
}

ChunkedDecoder::State ChunkedDecoder::digit(char c) noexcept {
  if (left_ > most_before_shift) return State::malformed;
  left_ = left_ * 16 + static_cast<std::uint64_t>(hex_digit(c));
  return State::size;
}

ChunkedDecoder::State ChunkedDecoder::skip(char c, State same, State line_end) noexcept {
  if (c == '\r') return line_end;
  return is_control(c) || ++skipped_ > most_skipped ? State::malformed : same;
}

}  // namespace slipway::beast
