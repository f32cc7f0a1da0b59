// Webhooks of each provider: signature fields, forms, payloads.
#include <slipway/build/trigger.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "tests/fuzz/fuzz.hpp"

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array providers{GitProvider::github, GitProvider::gitlab, GitProvider::bitbucket,
                                 GitProvider::gitea, GitProvider::custom};
  fuzz::Input input(fuzz::text_of(data, size));
  const GitProvider provider = providers[input.byte() % providers.size()];
  std::map<std::string, std::string, std::less<>> fields;
  // Lines "name: value" up to an empty one, then the body.
  for (std::string_view line = input.line(); !line.empty(); line = input.line()) {
    const std::size_t colon = std::min(line.find(": "), line.size());
    fields.emplace(line.substr(0, colon), line.substr(std::min(colon + 2, line.size())));
  }
  const std::string_view body = input.rest();
  const WebhookFields lookup = [&](std::string_view name) -> std::string_view {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string_view() : found->second;
  };
  static_cast<void>(verify_webhook(provider, "It's a Secret to Everybody", lookup, body));
  const auto event = parse_webhook(provider, lookup, body);
  if (!event) return 0;
  if (const auto* pushes = std::get_if<std::vector<PushEvent>>(&*event))
    for (const PushEvent& push : *pushes) {
      // A commit's id goes on the command line of git.
      FUZZ_EXPECT(push.commit.find_first_not_of("0123456789abcdef") == std::string::npos);
      FUZZ_EXPECT(push.ref.starts_with("refs/"));
    }
  return 0;
}
