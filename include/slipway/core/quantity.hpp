// Quantities as people write them: durations ("90s", "1h") and sizes in bytes ("64GiB").
//
// One whole number and one unit; a bare number is refused, because nobody can tell what it counts.
// Used alike in the configuration, in JSON and on the command line.
//
// Thread safety: pure functions.
#pragma once

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {

namespace detail {

template <std::size_t N>
std::optional<std::uint64_t> parse_quantity(
    std::string_view text, const std::array<std::pair<std::string_view, std::uint64_t>, N>& units) {
  std::uint64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  for (const auto& [name, factor] : units) {
    if (unit != name) continue;
    if (count > std::uint64_t{std::numeric_limits<std::int64_t>::max()} / factor)
      return std::nullopt;
    return count * factor;
  }
  return std::nullopt;
}

}  // namespace detail

/// "250ms", "90s", "10m", "1h", "7d"; nullopt for anything else.
inline std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> units{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  const auto value = detail::parse_quantity(text, units);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*value));
}

/// In the largest unit that is exact: 3600 s is "1h", 90 s is "90s".
inline std::string format_duration(std::chrono::milliseconds duration) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
      {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
  const std::int64_t count = duration.count();
  for (const auto& [name, factor] : units)
    if (count != 0 && count % factor == 0) return std::to_string(count / factor).append(name);
  return "0s";
}

/// "512B", "64KiB", "10MiB", "2GiB", "1TiB"; nullopt for anything else.
inline std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> units{
      {{"B", 1},
       {"KiB", std::uint64_t{1} << 10U},
       {"MiB", std::uint64_t{1} << 20U},
       {"GiB", std::uint64_t{1} << 30U},
       {"TiB", std::uint64_t{1} << 40U}}};
  return detail::parse_quantity(text, units);
}

}  // namespace slipway
