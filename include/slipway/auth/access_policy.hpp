// AccessPolicy: the one pure function that decides every request.
//
// Thread safety: immutable once made.
#pragma once

#include <optional>
#include <string_view>

#include <slipway/auth/identity.hpp>
#include <slipway/core/result.hpp>

namespace slipway {

/// What everyone may do under /v2/ without a token: nothing; pull what they can name; or pull, push
/// and delete, and list the catalog too.
enum class AnonymousAccess { none, pull, push };

/// "none", "pull", "push"; nullopt for another text.
std::optional<AnonymousAccess> parse_anonymous_access(std::string_view text) noexcept;

class AccessPolicy {
 public:
  explicit AccessPolicy(AnonymousAccess anonymous) noexcept : anonymous_(anonymous) {}

  /// May `identity` do this to that repository? `repository` is empty for what concerns none: the
  /// catalog (pull, filtered by what each identity may pull) and administration (admin).
  [[nodiscard]] bool allows(const Identity& identity, Action action,
                            std::string_view repository) const noexcept;

  /// May `identity` speak to /v2/ at all? Clients ask it first, to learn whether to send a token.
  [[nodiscard]] bool admits(const Identity& identity) const noexcept;

  /// As an error: unauthenticated when nobody is known, denied when someone is.
  [[nodiscard]] Result<void> check(const Identity& identity, Action action,
                                   std::string_view repository) const;

  [[nodiscard]] AnonymousAccess anonymous() const noexcept { return anonymous_; }

 private:
  AnonymousAccess anonymous_;
};

/// Does a grant's pattern name this repository?
bool matches_repository(std::string_view pattern, std::string_view repository) noexcept;

}  // namespace slipway
