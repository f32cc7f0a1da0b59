#include <array>
#include <cstdint>

#include <slipway/support/hasher.hpp>

namespace slipway {
namespace {

constexpr std::string_view standard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_safe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::uint8_t no_digit = 0xFF;
using Values = std::array<std::uint8_t, 256>;

consteval Values values_of(std::string_view alphabet) {
  Values values{};
  values.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr Values standard_values = values_of(standard);
constexpr Values url_safe_values = values_of(url_safe);

std::string encode(std::string_view bytes, std::string_view alphabet, bool padded) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = (bits << 8U) | (i < group.size() ? static_cast<std::uint8_t>(group[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) {
      if (i <= group.size())
        text.push_back(alphabet[(bits >> (18U - 6U * i)) & 63U]);
      else if (padded)
        text.push_back('=');
    }
  }
  return text;
}

/// Text without padding. Bits behind the last byte must be zero (RFC 4648 section 3.5), so that
/// each value has one text.
bool decode(std::string_view text, const Values& values, std::string& out) {
  out.clear();
  if (text.size() % 4 == 1) return false;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char digit : text) {
    const std::uint8_t value = values[static_cast<std::uint8_t>(digit)];
    if (value == no_digit) return false;
    bits = (bits << 6U) | value;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>((bits >> held) & 0xFFU));
    bits &= (1U << held) - 1U;
  }
  return bits == 0;
}

}  // namespace

std::string base64url_encode(std::string_view bytes) { return encode(bytes, url_safe, false); }

bool base64url_decode(std::string_view text, std::string& out) {
  return decode(text, url_safe_values, out);
}

std::string base64_encode(std::string_view bytes) { return encode(bytes, standard, true); }

bool base64_decode(std::string_view text, std::string& out) {
  if (text.size() % 4 != 0) return false;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode(text, standard_values, out);
}

}  // namespace slipway
