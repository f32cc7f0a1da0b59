#include <slipway/auth/identity.hpp>

#include <array>

namespace slipway {
namespace {

constexpr std::array<std::pair<Action, std::string_view>, 5> names{{
    {Action::pull, "pull"},
    {Action::push, "push"},
    {Action::delete_, "delete"},
    {Action::build, "build"},
    {Action::admin, "admin"},
}};

}  // namespace

std::string_view to_string(Action action) noexcept {
  for (const auto& [known, name] : names)
    if (known == action) return name;
  return "?";
}

std::optional<Action> parse_action(std::string_view name) noexcept {
  for (const auto& [action, known] : names)
    if (known == name) return action;
  return std::nullopt;
}

}  // namespace slipway
