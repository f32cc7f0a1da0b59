#include <algorithm>
#include <string>

#include <slipway/core/media_type.hpp>

#include "build/webhook.hpp"

namespace slipway {
namespace {

constexpr std::string_view form_type = "application/x-www-form-urlencoded";

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char letter = static_cast<char>(c | 0x20);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/// https://url.spec.whatwg.org/#urlencoded-parsing, of one value.
std::optional<std::string> decode_form_value(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

}  // namespace

Result<std::string> webhook_json(const WebhookFields& fields, std::string_view body) {
  std::string type(media_type::essence(fields("content-type")));
  std::transform(type.begin(), type.end(), type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (type != form_type) return std::string(body);
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(body.size(), pair.size() + 1));
    constexpr std::string_view wanted = "payload=";
    if (!pair.starts_with(wanted)) continue;
    if (auto value = decode_form_value(pair.substr(wanted.size()))) return std::move(*value);
    return Error(ErrorCode::invalid_argument, "the form's field payload is not percent-encoded");
  }
  return Error(ErrorCode::invalid_argument, "the form has no field payload");
}

bool is_object_id(std::string_view id) noexcept {
  return (id.size() == 40 || id.size() == 64) && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_zero_object_id(std::string_view id) noexcept {
  return is_object_id(id) && id.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace slipway
