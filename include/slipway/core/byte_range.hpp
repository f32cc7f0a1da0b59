// Byte ranges, in the two forms a registry speaks.
//
// - A read asks with `Range: bytes=...` (RFC 9110 section 14.1.2 and 14.2); parse_range_header.
// - An upload's chunk says where it belongs with `Content-Range: <first>-<last>`, without a unit
//   and inclusive (OCI distribution specification 1.1.1, "Pushing a blob in chunks");
//   parse_upload_range.
//
// Thread safety: plain values and pure functions.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>

namespace slipway {

/// `length` bytes from `offset` on.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  [[nodiscard]] constexpr std::uint64_t end() const noexcept { return offset + length; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

namespace detail {

inline std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

inline std::string_view trimmed(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// "bytes=" off the front. RFC 9110 section 14.1: units compare without regard to case.
inline bool take_bytes_unit(std::string_view& header) noexcept {
  constexpr std::string_view unit = "bytes=";
  if (header.size() < unit.size()) return false;
  for (std::size_t i = 0; i < unit.size(); ++i) {
    const char c = header[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != unit[i]) return false;
  }
  header.remove_prefix(unit.size());
  return true;
}

}  // namespace detail

/// More ranges than this in one header are not looked at.
inline constexpr std::size_t max_ranges = 128;

/// The ranges of a Range header that can be satisfied of `size` bytes, in the order asked.
///
/// nullopt: there is no range to honour (another unit, a malformed header, more than max_ranges):
/// the whole is the answer, as RFC 9110 section 14.2 allows. range_mismatch: nothing that is asked
/// lies within `size` (the answer is 416); a range whose end is before its beginning never does,
/// which the same section lets a server reject. They may overlap: see join_ranges.
inline Result<std::optional<std::vector<ByteRange>>> parse_range_header(std::string_view header,
                                                                        std::uint64_t size) {
  using Ranges = std::optional<std::vector<ByteRange>>;
  if (!detail::take_bytes_unit(header)) return Ranges();

  std::vector<ByteRange> ranges;
  std::size_t asked = 0;
  while (!header.empty()) {
    const std::size_t comma = header.find(',');
    const std::string_view part = detail::trimmed(header.substr(0, comma));
    header.remove_prefix(comma == std::string_view::npos ? header.size() : comma + 1);
    if (part.empty()) continue;  // RFC 9110 section 5.6.1: empty list elements are ignored
    if (++asked > max_ranges) return Ranges();

    const std::size_t dash = part.find('-');
    if (dash == std::string_view::npos) return Ranges();
    const std::string_view first_text = part.substr(0, dash);
    const std::string_view last_text = part.substr(dash + 1);
    const auto first = detail::parse_decimal(first_text);
    const auto last = detail::parse_decimal(last_text);
    if (first_text.empty()) {  // the last N bytes
      if (!last) return Ranges();
      const std::uint64_t length = *last < size ? *last : size;
      if (length > 0) ranges.push_back({size - length, length});
      continue;
    }
    if (!first || (!last_text.empty() && !last)) return Ranges();
    if (*first >= size || (last && *last < *first)) continue;
    const std::uint64_t end = last && *last < size - 1 ? *last + 1 : size;
    ranges.push_back({*first, end - *first});
  }
  if (asked == 0) return Ranges();
  if (ranges.empty())
    return Error(ErrorCode::range_mismatch,
                 "no requested range lies within the " + std::to_string(size) + " bytes there are");
  return Ranges(std::move(ranges));
}

/// Joins ranges that overlap or touch (RFC 9110 section 15.3.7.2), so that none of the bytes is sent
/// twice. Each of the result stands where the first that went into it was asked. REQUIRES: none is
/// empty, none ends behind 2^64 - 1.
inline std::vector<ByteRange> join_ranges(const std::vector<ByteRange>& asked) {
  struct Joined {
    ByteRange range;
    std::size_t place;
  };
  std::vector<Joined> ascending;
  ascending.reserve(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) ascending.push_back({asked[i], i});
  std::sort(ascending.begin(), ascending.end(), [](const Joined& a, const Joined& b) {
    return a.range.offset < b.range.offset;
  });

  std::vector<Joined> joined;
  for (const Joined& next : ascending) {
    if (joined.empty() || next.range.offset > joined.back().range.end()) {
      joined.push_back(next);
      continue;
    }
    Joined& before = joined.back();
    const std::uint64_t end = std::max(before.range.end(), next.range.end());
    before.range.length = end - before.range.offset;
    before.place = std::min(before.place, next.place);
  }
  std::sort(joined.begin(), joined.end(),
            [](const Joined& a, const Joined& b) { return a.place < b.place; });

  std::vector<ByteRange> ranges;
  ranges.reserve(joined.size());
  for (const Joined& one : joined) ranges.push_back(one.range);
  return ranges;
}

/// `0-99` is 100 bytes from 0. Errors: invalid_argument.
inline Result<ByteRange> parse_upload_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    const auto first = detail::parse_decimal(text.substr(0, dash));
    const auto last = detail::parse_decimal(text.substr(dash + 1));
    if (first && last && *last >= *first && *last - *first != UINT64_MAX)
      return ByteRange{*first, *last - *first + 1};
  }
  return Error(ErrorCode::invalid_argument,
               "Content-Range \"" + std::string(text.substr(0, 64)) +
                   "\" is malformed; expected <first>-<last>, both inclusive, for example 0-99");
}

}  // namespace slipway
