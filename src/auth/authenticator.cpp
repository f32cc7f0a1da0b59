#include <slipway/auth/token.hpp>

#include <slipway/support/hasher.hpp>

namespace slipway {
namespace {

constexpr std::size_t max_credentials_size = 4096;

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Takes "<scheme> " off the front of a field, whatever the scheme's case (RFC 9110 section 11.1).
bool take_scheme(std::string_view& field, std::string_view scheme) noexcept {
  if (field.size() <= scheme.size() || field[scheme.size()] != ' ') return false;
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if (lower(field[i]) != scheme[i]) return false;
  field.remove_prefix(scheme.size());
  while (field.starts_with(' ')) field.remove_prefix(1);
  return true;
}

Error unauthenticated(std::string_view why) {
  return Error(ErrorCode::unauthenticated, std::string(why));
}

}  // namespace

Authenticator::Authenticator(std::vector<const CredentialVerifier*> verifiers)
    : verifiers_(std::move(verifiers)) {}

Result<Identity> Authenticator::identify(std::string_view authorization) const {
  if (authorization.empty()) return Identity();
  if (authorization.size() > max_credentials_size)
    return unauthenticated("the Authorization field is too long");

  std::string decoded;
  std::string_view secret;
  if (take_scheme(authorization, "basic")) {
    if (!base64_decode(authorization, decoded))
      return unauthenticated("the Basic credentials are not base64");
    if (decoded == ":") return Identity();  // how skopeo, buildah and podman say that they have none
    const std::size_t colon = decoded.find(':');
    if (colon == std::string::npos)
      return unauthenticated("the Basic credentials have no password; it is the token");
    secret = std::string_view(decoded).substr(colon + 1);
  } else if (take_scheme(authorization, "bearer")) {
    secret = authorization;
  } else {
    return unauthenticated("the Authorization field has another scheme than Basic and Bearer");
  }

  for (const CredentialVerifier* verifier : verifiers_) {
    SLIPWAY_TRY(auto identity, verifier->verify(secret));
    if (identity) return std::move(*identity);
  }
  return unauthenticated("the token is not known: it is mistyped, revoked or expired");
}

}  // namespace slipway
