// Identity: who makes a request, and what that one was granted.
//
// Thread safety: plain values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

enum class Action : std::uint8_t { pull, push, delete_, build, admin };

/// "pull", "push", "delete", "build", "admin".
std::string_view to_string(Action action) noexcept;
/// The action of that name; nullopt for another text.
std::optional<Action> parse_action(std::string_view name) noexcept;

/// A set of actions.
class Actions {
 public:
  constexpr Actions() = default;
  constexpr Actions(std::initializer_list<Action> actions) {
    for (Action action : actions) add(action);
  }
  static constexpr Actions all() {
    return {Action::pull, Action::push, Action::delete_, Action::build, Action::admin};
  }
  constexpr void add(Action action) noexcept {
    bits_ = static_cast<std::uint8_t>(bits_ | bit(action));
  }
  [[nodiscard]] constexpr bool has(Action action) const noexcept {
    return (bits_ & bit(action)) != 0;
  }
  friend bool operator==(const Actions&, const Actions&) = default;

 private:
  static constexpr std::uint8_t bit(Action action) noexcept {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(action));
  }
  std::uint8_t bits_ = 0;
};

/// Actions on the repositories that a pattern names. `*` stands for any characters but `/`, `**`
/// for any at all; matching takes linear time for each star.
struct Grant {
  std::string repositories = "**";
  Actions actions;

  friend bool operator==(const Grant&, const Grant&) = default;
};

/// A list of grants that its copies share: an identity is copied for each request, its grants are
/// not.
class Grants {
 public:
  Grants() = default;
  Grants(std::vector<Grant> grants)  // NOLINT(google-explicit-constructor): it is that list
      : list_(std::make_shared<const std::vector<Grant>>(std::move(grants))) {}
  Grants(std::initializer_list<Grant> grants) : Grants(std::vector<Grant>(grants)) {}

  [[nodiscard]] const Grant* begin() const noexcept { return list_ ? list_->data() : nullptr; }
  [[nodiscard]] const Grant* end() const noexcept { return begin() + size(); }
  [[nodiscard]] std::size_t size() const noexcept { return list_ ? list_->size() : 0; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  friend bool operator==(const Grants& a, const Grants& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::shared_ptr<const std::vector<Grant>> list_;
};

/// What a bearer token was asked for and given: its holder may do what both the scopes and the
/// grants allow.
struct TokenScopes {
  std::vector<Grant> repositories;  // their patterns are names
  bool catalog = false;             // to list what the grants show

  friend bool operator==(const TokenScopes&, const TokenScopes&) = default;
};

/// Runs inside the transaction of a write that its owner asked for; an error undoes the write. A
/// worker's guard checks that its attempt has not been replaced.
using WriteGuard = std::function<Result<void>(const ReadView&)>;

struct Identity {
  enum class Kind : std::uint8_t { anonymous, token, worker };

  Kind kind = Kind::anonymous;
  std::string name;  // for logs: a token's name, or the build's id; empty for anonymous
  Grants grants;
  std::shared_ptr<const TokenScopes> scopes;  // of a bearer token; null: nothing narrows the grants
  std::string build;        // worker: which build
  std::uint64_t epoch = 0;  // worker: which attempt of it
  WriteGuard guard;         // worker; empty for others
};

}  // namespace slipway
