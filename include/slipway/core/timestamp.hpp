// Timestamp: a moment of wall-clock time, to the millisecond, and its RFC 3339 text in UTC.
//
// Thread safety: plain values and pure functions.
#pragma once

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

/// "2026-11-24T09:05:03.007Z": RFC 3339 section 5.6, always UTC, always three decimals.
inline std::string to_rfc3339(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 40> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

/// Any RFC 3339 time, with an offset or Z and any number of decimals (cut to milliseconds);
/// nullopt when the text is not one.
inline std::optional<Timestamp> parse_rfc3339(std::string_view text) noexcept {
  const auto number = [&text](std::size_t at, std::size_t digits) -> int {
    int value = 0;
    for (std::size_t i = at; i < at + digits; ++i) {
      if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
      value = value * 10 + (text[i] - '0');
    }
    return value;
  };
  const auto is = [&text](std::size_t at, char lower, char upper) {
    return at < text.size() && (text[at] == lower || text[at] == upper);
  };
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  if (!is(4, '-', '-') || !is(7, '-', '-') || !is(10, 't', 'T') || !is(13, ':', ':') ||
      !is(16, ':', ':') || hour > 23 || minute > 59 || second > 60)
    return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return std::nullopt;

  std::size_t at = 19;
  int milliseconds = 0;
  if (is(at, '.', '.')) {
    int scale = 100;
    if (number(++at, 1) < 0) return std::nullopt;
    for (; number(at, 1) >= 0; ++at, scale /= 10) milliseconds += number(at, 1) * scale;
  }
  std::chrono::minutes offset{0};
  if (is(at, 'z', 'Z')) {
    ++at;
  } else if (is(at, '+', '-')) {
    const int hours = number(at + 1, 2), minutes = number(at + 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || !is(at + 3, ':', ':'))
      return std::nullopt;
    offset = std::chrono::minutes(hours * 60 + minutes) * (text[at] == '-' ? -1 : 1);
    at += 6;
  } else {
    return std::nullopt;
  }
  if (at != text.size()) return std::nullopt;
  return Timestamp(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second) +
         std::chrono::milliseconds(milliseconds) - offset;
}

}  // namespace slipway
