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
  if (is_nobody(authorization)) return Identity();
  std::string_view bearer = authorization;  // needs no copy
  if (authorization.size() <= max_credentials_size && take_scheme(bearer, "bearer"))
    return identify_secret(bearer);
  SLIPWAY_TRY(const std::string secret, secret_of(authorization));
  return identify_secret(secret);
}

bool Authenticator::is_nobody(std::string_view authorization) noexcept {
  constexpr std::string_view no_user_and_no_password = "Og==";  // ":", so that nothing is decoded
  if (authorization.empty()) return true;
  return take_scheme(authorization, "basic") && authorization == no_user_and_no_password;
}

Result<std::string> Authenticator::secret_of(std::string_view authorization) {
  if (authorization.size() > max_credentials_size)
    return unauthenticated("the Authorization field is too long");
  if (take_scheme(authorization, "bearer")) return std::string(authorization);
  if (!take_scheme(authorization, "basic"))
    return unauthenticated("the Authorization field has another scheme than Basic and Bearer");
  std::string decoded;
  if (!base64_decode(authorization, decoded))
    return unauthenticated("the Basic credentials are not base64");
  const std::size_t colon = decoded.find(':');
  if (colon == std::string::npos)
    return unauthenticated("the Basic credentials have no password; it is the token");
  return decoded.erase(0, colon + 1);
}

Result<Identity> Authenticator::identify_secret(std::string_view secret) const {
  for (const CredentialVerifier* verifier : verifiers_) {
    SLIPWAY_TRY(auto identity, verifier->verify(secret));
    if (identity) return std::move(*identity);
  }
  return unauthenticated("the token is not known: it is mistyped, revoked or expired");
}

std::optional<std::string> CredentialVerifier::reference_of(std::string_view) const {
  return std::nullopt;
}

Result<std::optional<Identity>> CredentialVerifier::recall(std::string_view) const {
  return std::optional<Identity>();
}

}  // namespace slipway
