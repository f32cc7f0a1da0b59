// BearerTokens: the short-lived tokens that GET /v2/token gives for a secret, as Docker's clients
// expect (the distribution project's token specification).
//
// A bearer token is signed, not stored: issuing one writes nothing, and verifying one is the point
// read that verifying its secret would be. It carries a reference to that secret's token or worker,
// so that it ends at once when that one is revoked, expires or is replaced, and what it was asked
// for and given. Without a secret it is everyone's: it stands for the anonymous identity.
//
//   "slpb_" base64url(version (1), expiry in ms (8), size of the reference (1), reference,
//                     catalog (1), for each scope: size of the name (1), name, actions (1);
//                     HMAC-SHA-256 of all that (32))
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/auth/access_policy.hpp>
#include <slipway/auth/token.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/clock.hpp>

namespace slipway {

/// Clients take it that a token lives for a minute at least.
inline constexpr std::chrono::seconds shortest_bearer_lifetime{60};
inline constexpr std::chrono::seconds usual_bearer_lifetime{300};

/// Reads scopes as clients send them, "repository:app/web:pull,push" and "registry:catalog:*",
/// several in a text between spaces. What is not understood asks for nothing.
/// Errors: too_large (more than 64 repositories).
Result<TokenScopes> parse_scopes(std::string_view text);

/// The other way round, for challenges and answers.
std::string to_string(const TokenScopes& scopes);

/// What of these `identity` may do.
TokenScopes within(const TokenScopes& asked, const Identity& identity, const AccessPolicy& policy);

class BearerTokens final : public CredentialVerifier {
 public:
  /// Reads or makes the key. Store, clock and verifiers, whose secrets it exchanges, must outlive
  /// it. Errors: io, corrupt.
  static Result<std::unique_ptr<BearerTokens>> open(
      MetadataStore& metadata, Clock& clock, std::vector<const CredentialVerifier*> verifiers,
      std::chrono::seconds lifetime = usual_bearer_lifetime);
  ~BearerTokens() override;
  BearerTokens(const BearerTokens&) = delete;
  BearerTokens& operator=(const BearerTokens&) = delete;

  [[nodiscard]] std::chrono::seconds lifetime() const noexcept { return lifetime_; }

  /// For the holder of `secret`, or for everyone when it is empty. Errors: unauthenticated (a secret
  /// that nothing is derived from, such as a bearer token), too_large (the scopes).
  [[nodiscard]] Result<std::string> issue(std::string_view secret, const TokenScopes& granted) const;

  /// The identity that the token was derived from, with its scopes. A token that was verified before
  /// is not parsed again.
  Result<std::optional<Identity>> verify(std::string_view token) const override;

 private:
  class Parsed;

  BearerTokens(Clock& clock, std::vector<const CredentialVerifier*> verifiers,
               std::chrono::seconds lifetime, std::string key);

  Clock& clock_;
  const std::vector<const CredentialVerifier*> verifiers_;
  const std::chrono::seconds lifetime_;
  const std::string key_;
  const std::unique_ptr<Parsed> parsed_;
};

}  // namespace slipway
