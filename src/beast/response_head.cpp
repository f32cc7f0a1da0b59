#include "beast/response_head.hpp"

#include <array>
#include <charconv>
#include <cstdio>

#include "http/status.hpp"

namespace slipway::beast {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace

std::string http_date(Timestamp time) {
  constexpr std::array<const char*, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 64> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
      weekdays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
      months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

void write_response_head(std::string& out, const HttpResponse& response, std::string_view date,
                         BodyLength length, ConnectionField connection) {
  out.assign("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(response.status));
  out.append(" ").append(reason_phrase(response.status)).append("\r\nDate: ").append(date);
  out.append("\r\n").append(response.head());
  switch (length.kind) {
    case BodyLength::Kind::known:
      out.append("Content-Length: ");
      append_number(out, length.bytes);
      out.append("\r\n");
      break;
    case BodyLength::Kind::chunked: out.append("Transfer-Encoding: chunked\r\n"); break;
    case BodyLength::Kind::none:
    case BodyLength::Kind::until_close: break;
  }
  switch (connection) {
    case ConnectionField::close: out.append("Connection: close\r\n"); break;
    case ConnectionField::keep_alive: out.append("Connection: keep-alive\r\n"); break;
    case ConnectionField::none: break;
  }
  out.append("\r\n");
}

}  // namespace slipway::beast
