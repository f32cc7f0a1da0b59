// Identity: who makes a request, and what that one was granted.
//
// Thread safety: plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
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

/// Runs inside the transaction of a write that its owner asked for; an error undoes the write. A
/// worker's guard checks that its attempt has not been replaced.
using WriteGuard = std::function<Result<void>(const ReadView&)>;

struct Identity {
  enum class Kind : std::uint8_t { anonymous, token, worker };

  Kind kind = Kind::anonymous;
  std::string name;  // for logs: a token's name, or the build's id; empty for anonymous
  std::vector<Grant> grants;
  std::string build;        // worker: which build
  std::uint64_t epoch = 0;  // worker: which attempt of it
  WriteGuard guard;         // worker; empty for others
};

}  // namespace slipway
