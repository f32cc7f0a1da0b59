#include "build/webhook.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace slipway {
namespace {

/// For the largest of payloads; each value costs some tens of bytes while it is parsed.
constexpr std::size_t max_webhook_values = 1'000'000;
constexpr std::size_t max_delivery_size = 200;

/// Where a provider says what happened and which delivery this is: the first field that is there.
struct EventFields {
  GitProvider provider;
  std::array<std::string_view, 3> event;
  std::array<std::string_view, 3> delivery;
  std::array<std::string_view, 2> pushes;  // events that are pushes; none: every payload is one
  Result<WebhookEvent> (*read)(json::Value payload, std::string_view delivery);
};

constexpr std::array<EventFields, 5> providers{{
    {GitProvider::github, {"x-github-event"}, {"x-github-delivery"}, {"push"}, read_github_push},
    {GitProvider::gitlab,
     {"x-gitlab-event"},
     {"idempotency-key", "x-gitlab-event-uuid"},
     {"Push Hook", "Tag Push Hook"},
     read_gitlab_push},
    {GitProvider::bitbucket,
     {"x-event-key"},
     {"x-request-uuid"},
     {"repo:push"},
     read_bitbucket_push},
    {GitProvider::gitea,
     {"x-forgejo-event", "x-gitea-event", "x-github-event"},
     {"x-forgejo-delivery", "x-gitea-delivery", "x-github-delivery"},
     {"push"},
     read_github_push},
    {GitProvider::custom, {}, {"x-slipway-delivery"}, {}, read_custom_push},
}};

template <std::size_t N>
std::string_view first_of(const WebhookFields& fields,
                          const std::array<std::string_view, N>& names) {
  for (const std::string_view name : names)
    if (!name.empty())
      if (const std::string_view value = fields(name); !value.empty()) return value;
  return {};
}

/// nullopt: a push. Errors: invalid_argument.
Result<std::optional<IgnoredEvent>> other_event(const EventFields& known,
                                                const WebhookFields& fields) {
  if (known.event.front().empty()) return std::optional<IgnoredEvent>();
  const std::string_view event = first_of(fields, known.event);
  if (event.empty())
    return Error(ErrorCode::invalid_argument,
                 "webhook: the header field " + std::string(known.event.front()) + " is missing");
  for (const std::string_view push : known.pushes)
    if (event == push) return std::optional<IgnoredEvent>();
  if (event == "ping") return std::optional<IgnoredEvent>(IgnoredEvent{"ping"});
  return std::optional<IgnoredEvent>(
      IgnoredEvent{"event " + std::string(event.substr(0, 100)) + " is not a push"});
}

const EventFields* find_provider(GitProvider provider) {
  const auto* known =
      std::find_if(providers.begin(), providers.end(),
                   [&](const EventFields& entry) { return entry.provider == provider; });
  return known == providers.end() ? nullptr : known;
}

/// Of any provider: who sent it, and how often it was tried.
constexpr std::array<std::string_view, 5> other_fields{
    "content-type", "user-agent", "x-github-hook-id", "x-hook-uuid", "x-attempt-number"};
constexpr std::size_t longest_kept_field = 1000;

}  // namespace

std::string_view webhook_event(GitProvider provider, const WebhookFields& fields) {
  const EventFields* known = find_provider(provider);
  return known == nullptr ? std::string_view() : first_of(fields, known->event);
}

std::string_view webhook_delivery(GitProvider provider, const WebhookFields& fields) {
  const EventFields* known = find_provider(provider);
  return known == nullptr ? std::string_view() : first_of(fields, known->delivery);
}

std::vector<std::pair<std::string, std::string>> fields_worth_keeping(GitProvider provider,
                                                                      const WebhookFields& fields) {
  std::vector<std::pair<std::string, std::string>> kept;
  const auto keep = [&](std::string_view name) {
    if (name.empty()) return;
    if (const std::string_view value = fields(name); !value.empty())
      kept.emplace_back(name, value.substr(0, longest_kept_field));
  };
  if (const EventFields* known = find_provider(provider)) {
    for (const std::string_view name : known->event) keep(name);
    for (const std::string_view name : known->delivery) keep(name);
  }
  for (const std::string_view name : other_fields) keep(name);
  return kept;
}

Result<WebhookEvent> parse_webhook(GitProvider provider, const WebhookFields& fields,
                                   std::string_view body) {
  if (body.size() > max_webhook_bytes)
    return Error(ErrorCode::too_large, "webhook: the payload is larger than 25 MiB");
  const EventFields* known = find_provider(provider);
  if (known == nullptr)
    return Error(ErrorCode::unsupported, "webhook: this provider is not known");
  SLIPWAY_TRY(const auto other, other_event(*known, fields));
  if (other) return WebhookEvent(*other);
  const std::string_view delivery = first_of(fields, known->delivery);
  if (delivery.size() > max_delivery_size)
    return Error(ErrorCode::invalid_argument, "webhook: the delivery's id is too long");
  SLIPWAY_TRY(const std::string text, webhook_json(fields, body));
  const auto document = json::Document::parse(
      text, {max_webhook_bytes, json::Limits().max_depth, max_webhook_values});
  if (!document) return document.error().in("webhook");
  if (!document->root().is_object())
    return Error(ErrorCode::invalid_argument, "webhook: the payload is not a JSON object");
  SLIPWAY_TRY(WebhookEvent event, known->read(document->root(), delivery));
  if (const auto* pushes = std::get_if<std::vector<PushEvent>>(&event))
    for (const PushEvent& push : *pushes)
      if (!push.ref.starts_with("refs/")) return wrong_field("ref", "a full name: refs/heads/main");
  return event;
}

std::optional<Person> read_person(json::Value person) {
  Person out;
  out.name = person.find("name").text();
  out.email = person.find("email").text();
  out.username = person.find("username").text();
  out.avatar_url = person.find("avatar_url").text();
  if (out == Person()) return std::nullopt;
  return out;
}

std::vector<std::string> read_changed_paths(json::Value commits, std::size_t most_listed) {
  if (commits.size() >= most_listed) return {};
  std::set<std::string_view> paths;
  for (const json::Value commit : commits.elements())
    for (const std::string_view change : {"added", "modified", "removed"})
      for (const json::Value path : commit.find(change).elements())
        if (!path.text().empty()) paths.insert(path.text());
  return {paths.begin(), paths.end()};
}

WebhookEvent deleted_ref(std::string_view ref) {
  return IgnoredEvent{ref.starts_with("refs/tags/") ? "tag deleted" : "branch deleted"};
}

Error wrong_field(std::string_view name, std::string_view expected) {
  return Error(ErrorCode::invalid_argument,
               "webhook: " + std::string(name) + ": expected " + std::string(expected));
}

}  // namespace slipway
