#include "beast/url.hpp"

#include <charconv>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace slipway::beast {

Result<Url> parse_url(std::string_view text) {
  const auto malformed = [&](const char* why) {
    return Error(ErrorCode::invalid_argument,
                 "URL \"" + std::string(text.substr(0, 256)) + "\": " + why);
  };
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return malformed("it is malformed");
  const boost::urls::url_view& view = *parsed;
  const bool secure = view.scheme_id() == boost::urls::scheme::https;
  if (!secure && view.scheme_id() != boost::urls::scheme::http)
    return malformed("the scheme must be http or https");
  if (view.has_userinfo()) return malformed("user and password do not belong into it");
  if (view.host().empty()) return malformed("it has no host");

  Url url;
  url.origin.secure = secure;
  url.origin.host = view.host_address();
  const std::uint16_t usual = secure ? 443 : 80;
  url.origin.port = usual;
  if (const std::string_view port = view.port(); !port.empty()) {
    const auto [end, failure] =
        std::from_chars(port.data(), port.data() + port.size(), url.origin.port);
    if (failure != std::errc() || url.origin.port == 0) return malformed("the port is not valid");
  }
  url.authority = std::string(view.encoded_host());
  if (url.origin.port != usual) url.authority += ":" + std::to_string(url.origin.port);
  const std::string_view path = view.encoded_path();
  url.target = path.empty() ? "/" : std::string(path);
  if (view.has_query()) url.target += "?" + std::string(std::string_view(view.encoded_query()));
  return url;
}

}  // namespace slipway::beast
