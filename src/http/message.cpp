#include <slipway/http/message.hpp>

#include <array>
#include <charconv>
#include <cstring>

namespace slipway {
namespace {

/// What a response may keep of a body's memory, so that an idle connection holds little.
constexpr std::size_t most_spare_bytes = std::size_t{64} * 1024;

constexpr std::array<std::pair<std::string_view, HttpMethod>, 7> methods{{
    {"GET", HttpMethod::get},
    {"HEAD", HttpMethod::head},
    {"POST", HttpMethod::post},
    {"PUT", HttpMethod::put},
    {"PATCH", HttpMethod::patch},
    {"DELETE", HttpMethod::delete_},
    {"OPTIONS", HttpMethod::options},
}};

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

constexpr bool unreserved(char c) noexcept {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    out.push_back(c);
  }
  return out;
}

/// Eight bytes at a time: is one of them below 16? Only then they are looked at one by one.
bool has_break(std::string_view text) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101;
  while (text.size() >= sizeof each) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    if (((word - each * 16) & ~word & (each << 7U)) != 0) break;
    text.remove_prefix(sizeof word);
  }
  bool found = false;
  for (const char c : text) found |= c == '\r' || c == '\n' || c == '\0';
  return found;
}

/// Takes the next name=value pair off the front of a query; nullopt at its end.
std::optional<HttpField> take_pair(std::string_view& query) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return HttpField{pair, {}};
    return HttpField{pair.substr(0, equals), pair.substr(equals + 1)};
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(HttpMethod method) noexcept {
  for (const auto& [text, known] : methods)
    if (known == method) return text;
  return "?";
}

HttpMethod parse_http_method(std::string_view text) noexcept {
  for (const auto& [known, method] : methods)
    if (known == text) return method;
  return HttpMethod::other;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

std::string_view HttpRequest::field(std::string_view name) const noexcept {
  for (const HttpField& field : fields)
    if (equal_ignoring_case(field.name, name)) return field.value;
  return {};
}

std::optional<std::string> percent_decode(std::string_view text) { return decode(text, false); }

std::string percent_encode(std::string_view text, std::string_view keep) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (unreserved(c) || keep.find(c) != std::string_view::npos) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(digits[byte >> 4U]);
    out.push_back(digits[byte & 0xFU]);
  }
  return out;
}

std::optional<std::vector<QueryParameter>> parse_query(std::string_view query, std::size_t most) {
  std::vector<QueryParameter> parameters;
  while (const auto pair = take_pair(query)) {
    if (parameters.size() == most) return std::nullopt;
    auto name = decode(pair->name, true);
    auto value = decode(pair->value, true);
    if (!name || !value) return std::nullopt;
    parameters.push_back({std::move(*name), std::move(*value)});
  }
  return parameters;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  while (const auto pair = take_pair(query))
    if (const auto decoded = decode(pair->name, true); decoded && *decoded == name)
      return decode(pair->value, true);
  return std::nullopt;
}

void HttpResponse::add(std::string_view name, std::string_view value) {
  if (name.empty() || has_break(name) || has_break(value)) return;
  head_.append(name).append(": ").append(value).append("\r\n");
}

void HttpResponse::add(std::string_view name, std::uint64_t value) {
  std::array<char, 20> digits{};
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  add(name, std::string_view(digits.data(), end));
}

std::string_view HttpResponse::field(std::string_view name) const noexcept {
  std::string_view rest = head_;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(line.size() + 2);
    const std::size_t colon = line.find(": ");
    if (equal_ignoring_case(line.substr(0, colon), name)) return line.substr(colon + 2);
  }
  return {};
}

std::string& HttpResponse::bytes() {
  if (auto* text = std::get_if<std::string>(&body_)) return *text;
  return body_.emplace<std::string>(std::move(spare_));
}

std::string_view HttpResponse::text() const noexcept {
  const auto* text = std::get_if<std::string>(&body_);
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

void HttpResponse::clear() {
  status = 200;
  head_.clear();
  if (auto* text = std::get_if<std::string>(&body_); text != nullptr) {
    if (text->capacity() <= most_spare_bytes) spare_ = std::move(*text);
    spare_.clear();
  }
  body_.emplace<std::monostate>();
  content_length.reset();
  close = false;
}

}  // namespace slipway
