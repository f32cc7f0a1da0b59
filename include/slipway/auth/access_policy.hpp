// AccessPolicy: the one pure function that decides every request.
//
// A route says what it needs (AccessNeed), in the one table of src/http/access_table.hpp; `decide`
// answers whether an identity has it. Whoever handles a route asks with the route's own need, so
// that what the table says is what happens.
//
// Thread safety: immutable once made.
#pragma once

#include <cstdint>
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

/// What a request must bring.
struct AccessNeed {
  enum class Kind : std::uint8_t {
    nobody,      // a route that has not said what it needs answers nobody
    everyone,    // nothing
    signature,   // bytes that a trigger's secret signed: the handler checks; Authorization is ignored
    invitation,  // a one-time registration token in the body: the handler checks
    greeting,    // a token, be it the bearer token that everyone gets: GET /v2/
    known,       // a token, whatever it grants
    list,        // a token, or all open; each entry is then decided as `repository`
    repository,  // `action` on the repository of the path
    build,       // `action` on the repository of the build of the path
    worker,      // to be the worker of the build of the path, of its latest attempt
    server,      // `action` on the server itself: administration
  };

  Kind kind = Kind::nobody;
  Action action = Action::admin;
  bool open = false;   // AnonymousAccess counts: /v2/ and nothing else
  bool hides = false;  // whom it refuses is told that there is nothing

  friend constexpr bool operator==(const AccessNeed&, const AccessNeed&) = default;
};

/// What a request is about, as its path says it: neither has to exist or be well-formed.
struct AccessSubject {
  std::string_view repository;  // empty for `build` and `list`: not known yet, see decide
  std::string_view build;
};

enum class AccessDecision : std::uint8_t {
  allowed,
  unauthenticated,  // nobody is known, and someone might
  out_of_scope,     // this one may, and its bearer token was not asked for it
  denied,           // this one may not
  hidden,           // this one may not, and is not to know that there is anything
};

class AccessPolicy {
 public:
  explicit AccessPolicy(AnonymousAccess anonymous) noexcept : anonymous_(anonymous) {}

  /// For needs of kind `build` and `list` it is asked twice: first without a repository, whether
  /// there is any use in looking; then for the build's repository or for each of the list's.
  [[nodiscard]] AccessDecision decide(const AccessNeed& need, const Identity& identity,
                                      const AccessSubject& subject = {}) const noexcept;

  /// The same as an error: unauthenticated (`out_of_scope` too: another bearer token would do),
  /// denied, or not_found for `hidden`.
  [[nodiscard]] Result<void> check(const AccessNeed& need, const Identity& identity,
                                   const AccessSubject& subject = {}) const;

  /// May `identity` do this to that repository, by its grants, within its scopes, or because
  /// everyone may? An empty repository is the server itself, which only a grant on `**` reaches.
  [[nodiscard]] bool allows(const Identity& identity, Action action,
                            std::string_view repository) const noexcept;

  [[nodiscard]] AnonymousAccess anonymous() const noexcept { return anonymous_; }

 private:
  AnonymousAccess anonymous_;
};

/// Does a grant's pattern name this repository?
bool matches_repository(std::string_view pattern, std::string_view repository) noexcept;

}  // namespace slipway
