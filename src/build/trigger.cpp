#include <slipway/build/trigger.hpp>

#include <array>
#include <utility>

namespace slipway {
namespace {

constexpr std::array<std::pair<GitProvider, std::string_view>, 5> providers{{
    {GitProvider::github, "github"},
    {GitProvider::gitlab, "gitlab"},
    {GitProvider::bitbucket, "bitbucket"},
    {GitProvider::gitea, "gitea"},
    {GitProvider::custom, "custom"},
}};

}  // namespace

std::string_view to_string(GitProvider provider) noexcept {
  for (const auto& [known, name] : providers)
    if (known == provider) return name;
  return "custom";
}

std::optional<GitProvider> parse_git_provider(std::string_view text) noexcept {
  for (const auto& [known, name] : providers)
    if (name == text) return known;
  return std::nullopt;
}

}  // namespace slipway
