#include "build/git_url.hpp"

#include <algorithm>
#include <array>

namespace slipway {
namespace {

constexpr std::size_t max_url_size = 2000;
constexpr std::array<std::string_view, 5> known{"https", "ssh", "http", "git", "file"};

Error invalid(std::string_view url, std::string_view why) {
  return Error(ErrorCode::invalid_argument,
               "git URL \"" + std::string(url.substr(0, 200)) + "\": " + std::string(why));
}

/// Neither a space nor a control character.
bool is_plain(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != 0x7F;
}

}  // namespace

Result<std::string_view> git_protocol(std::string_view url) {
  if (url.empty() || url.size() > max_url_size || url.front() == '-' ||
      !std::all_of(url.begin(), url.end(), is_plain))
    return invalid(url,
                   "expected a URL such as https://host/path.git, of at most 2000 "
                   "characters without spaces, not beginning with a dash");
  if (const std::size_t mark = url.find("://"); mark != std::string_view::npos) {
    const std::string_view scheme = url.substr(0, mark);
    const auto* found = std::find(known.begin(), known.end(), scheme);
    if (found == known.end())
      return invalid(url, "the protocol is none of https, ssh, http, git and file");
    const std::string_view rest = url.substr(mark + 3);
    // A host that begins with a dash would be an option of the program that is started for it.
    if (rest.empty() || rest.front() == '-' || (rest.front() == '/' && scheme != "file"))
      return invalid(url, "has no host");
    return *found;
  }
  if (url.find("::") != std::string_view::npos)
    return invalid(url, "transport helpers are not allowed");
  const std::size_t colon = url.find(':');
  if (colon != std::string_view::npos && colon > 0 && url.find('/') > colon) return known[1];
  return known[4];
}

std::string without_credentials(std::string_view url) {
  const std::size_t mark = url.find("://");
  if (mark == std::string_view::npos || !url.starts_with("http")) return std::string(url);
  const std::size_t host = mark + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", host), url.size());
  const std::size_t at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < host) return std::string(url);
  return std::string(url.substr(0, host)).append(url.substr(at + 1));
}

Result<void> check_git_url(std::string_view url, std::span<const std::string> allowed) {
  SLIPWAY_TRY(const std::string_view protocol, git_protocol(url));
  if (std::find(allowed.begin(), allowed.end(), protocol) != allowed.end()) return {};
  std::string list;
  for (const std::string& name : allowed) list.append(list.empty() ? "" : ", ").append(name);
  return invalid(url, "protocol " + std::string(protocol) +
                          " is not allowed on this server; allowed: " + list +
                          " (builds.git_protocols)");
}

}  // namespace slipway
