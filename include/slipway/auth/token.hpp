// Tokens: what a client presents, and where they are kept.
//
// A token's secret is shown once, when it is made; the store keeps its SHA-256 only. It is random
// (256 bits), so a plain hash is enough and a look-up is one point read.
//
// Thread safety: any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/auth/identity.hpp>
#include <slipway/core/digest.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/clock.hpp>

namespace slipway {

struct Token {
  std::string id;    // ULID
  std::string name;  // what a person calls it
  std::vector<Grant> grants;
  Timestamp created{};
  std::optional<Timestamp> expires;
};

/// Turns a secret into an identity. Token stores and worker credentials are verifiers.
class CredentialVerifier {
 public:
  virtual ~CredentialVerifier() = default;

  /// nullopt: not a secret of this kind or not (any longer) valid. Runs on an I/O thread: a point
  /// read. Errors: io, corrupt.
  virtual Result<std::optional<Identity>> verify(std::string_view secret) const = 0;

  /// What a bearer token carries to find this secret's identity again, and the secret cannot be
  /// told from; at most 64 bytes, of which the first is this verifier's letter. nullopt: not a
  /// secret of this kind, or one that nothing is derived from. Its validity is not looked at.
  [[nodiscard]] virtual std::optional<std::string> reference_of(std::string_view secret) const;

  /// The identity that a reference stands for, as verify would answer for its secret now. A point
  /// read. Errors: io, corrupt.
  [[nodiscard]] virtual Result<std::optional<Identity>> recall(std::string_view reference) const;
};

class TokenStore final : public CredentialVerifier {
 public:
  /// Both must outlive the store.
  TokenStore(MetadataStore& metadata, Clock& clock);
  ~TokenStore() override;
  TokenStore(const TokenStore&) = delete;
  TokenStore& operator=(const TokenStore&) = delete;

  struct Created {
    Token token;
    std::string secret;  // "slp_" and 64 hex digits
  };
  /// Errors: invalid_argument (name of 1 to 100 characters, at least one grant), io.
  Result<Created> create(std::string_view name, std::vector<Grant> grants,
                         std::optional<Timestamp> expires = std::nullopt);
  /// In the order they were made. Errors: io, corrupt.
  Result<std::vector<Token>> list() const;
  /// Errors: not_found, io.
  Result<void> revoke(std::string_view id);
  /// Errors: io.
  Result<bool> empty() const;

  /// One point read; a token that was read before is not parsed again while its row is the same.
  Result<std::optional<Identity>> verify(std::string_view secret) const override;

  /// 't' and the secret's SHA-256.
  [[nodiscard]] std::optional<std::string> reference_of(std::string_view secret) const override;
  [[nodiscard]] Result<std::optional<Identity>> recall(std::string_view reference) const override;

 private:
  class Parsed;

  Result<std::optional<Identity>> find(const Digest& hash) const;

  MetadataStore& metadata_;
  Clock& clock_;
  std::unique_ptr<Parsed> parsed_;
};

/// Reads an Authorization field (RFC 7617 Basic: any user name, the token as password; RFC 6750
/// Bearer) and asks the verifiers in turn.
class Authenticator {
 public:
  /// The verifiers must outlive it.
  explicit Authenticator(std::vector<const CredentialVerifier*> verifiers);

  /// Who says that it has no credentials is the anonymous identity. Errors: unauthenticated (a secret
  /// that nobody accepts, another scheme, malformed), io.
  Result<Identity> identify(std::string_view authorization) const;

  /// No field, or Basic credentials of neither user name nor password, as skopeo, buildah and podman
  /// send where they have none.
  static bool is_nobody(std::string_view authorization) noexcept;

  /// The secret of a field that is somebody's: Basic's password or Bearer's token.
  /// Errors: unauthenticated (another scheme, malformed).
  static Result<std::string> secret_of(std::string_view authorization);

  /// The identity of a secret. Errors: unauthenticated (nobody accepts it), io.
  Result<Identity> identify_secret(std::string_view secret) const;

 private:
  std::vector<const CredentialVerifier*> verifiers_;
};

}  // namespace slipway
