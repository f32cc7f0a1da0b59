#include "http/oci_challenge.hpp"

namespace slipway {
namespace {

constexpr std::string_view service = "slipway";

/// A host and perhaps a port, and nothing that could end a quoted text.
bool is_authority(std::string_view text) noexcept {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
  return !text.empty() && text.size() <= 300 && text.find_first_not_of(allowed) == text.npos;
}

}  // namespace

std::optional<std::string> reachable_url(const OciHandlerOptions& options,
                                         const HttpRequest& request) {
  if (!options.url.empty()) return options.url;
  const std::string_view host = request.field("Host");
  if (!is_authority(host)) return std::nullopt;
  return std::string(request.secure ? "https://" : "http://").append(host);
}

TokenScopes needed_scopes(const OciTarget& target, const AccessNeed& need) {
  TokenScopes scopes;
  scopes.catalog = need.kind == AccessNeed::Kind::list;
  const auto name = RepositoryName::parse(target.repository);
  if (need.kind != AccessNeed::Kind::repository || !name) return scopes;
  Grant grant{name->str(), {need.action}};
  if (need.action == Action::push) grant.actions.add(Action::pull);  // who pushes looks first
  scopes.repositories.push_back(std::move(grant));
  return scopes;
}

std::string make_challenge(const OciHandlerOptions& options, const HttpRequest& request,
                           const TokenScopes& scopes, std::string_view error) {
  const auto url = reachable_url(options, request);
  if (options.bearer_tokens == nullptr || !url) return std::string(basic_challenge);
  std::string text = "Bearer realm=\"" + *url + "/v2/token\",service=\"";
  text.append(service).append("\"");
  if (const std::string scope = to_string(scopes); !scope.empty())
    text.append(",scope=\"").append(scope).append("\"");
  if (!error.empty()) text.append(",error=\"").append(error).append("\"");
  return text;
}

}  // namespace slipway
