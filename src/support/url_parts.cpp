#include "support/url_parts.hpp"

#include <algorithm>
#include <string>

namespace slipway {

Result<UrlParts> split_url(std::string_view url) {
  const auto malformed = [&](const char* why) {
    return Error(ErrorCode::invalid_argument,
                 "URL \"" + std::string(url.substr(0, 200)) + "\": " + why);
  };
  UrlParts parts;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    parts.secure = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return malformed("expected https:// and a host, such as https://ci.example.com/hooks");
  }
  if (!std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7F; }))
    return malformed("only visible ASCII characters may stand in it; encode others as %XX");
  parts.authority = rest.substr(0, rest.find_first_of("/?#"));
  if (parts.authority.find('@') != parts.authority.npos)
    return malformed("user and password do not belong into it");
  if (parts.authority.find_first_of("%\\") != parts.authority.npos)
    return malformed("the host is malformed");
  parts.host = parts.authority;
  if (parts.host.starts_with('[')) {
    const std::size_t end = parts.host.find(']');
    if (end == parts.host.npos) return malformed("the host is malformed");
    parts.host = parts.host.substr(1, end - 1);
  } else {
    parts.host = parts.host.substr(0, parts.host.find(':'));
  }
  if (parts.host.empty()) return malformed("it has no host");
  return parts;
}

}  // namespace slipway
