// What the readers of webhooks share. Payloads are untrusted bytes.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <slipway/build/trigger.hpp>
#include <slipway/core/result.hpp>

#include "json/value.hpp"

namespace slipway {

/// GitHub sends nothing larger than this; others send less.
inline constexpr std::size_t max_webhook_bytes = std::size_t{25} * 1024 * 1024;

using WebhookEvent = std::variant<std::vector<PushEvent>, IgnoredEvent>;

/// What a provider calls the event; empty where it does not say, or has only one.
std::string_view webhook_event(GitProvider provider, const WebhookFields& fields);
/// The provider's own id of the delivery; empty without one.
std::string_view webhook_delivery(GitProvider provider, const WebhookFields& fields);
/// The header fields from which a delivery can be understood again: no signature, no secret.
std::vector<std::pair<std::string, std::string>> fields_worth_keeping(GitProvider provider,
                                                                      const WebhookFields& fields);

/// The JSON of a body: the body, or what a form (by Content-Type) has in its field `payload`.
/// Errors: invalid_argument (a form that is malformed or has no such field).
Result<std::string> webhook_json(const WebhookFields& fields, std::string_view body);

/// A ref that points nowhere any more: 40 or 64 zeroes.
bool is_zero_object_id(std::string_view id) noexcept;

/// 40 or 64 lower-case hexadecimal digits.
bool is_object_id(std::string_view id) noexcept;

// One reader for each provider; `delivery` goes into the events. Errors: invalid_argument (which
// field).
Result<WebhookEvent> read_github_push(json::Value payload, std::string_view delivery);
Result<WebhookEvent> read_gitlab_push(json::Value payload, std::string_view delivery);
Result<WebhookEvent> read_bitbucket_push(json::Value payload, std::string_view delivery);
Result<WebhookEvent> read_custom_push(json::Value payload, std::string_view delivery);

// ---- for the readers ----

/// `name`, `email`, `username` and `avatar_url`; nullopt when none of them is there.
std::optional<Person> read_person(json::Value person);

/// What `commits` added, modified and removed, each path once. Empty, which means that the payload
/// does not tell, when there are `most_listed` commits: the list may be cut.
std::vector<std::string> read_changed_paths(json::Value commits, std::size_t most_listed);

/// "branch deleted", "tag deleted".
WebhookEvent deleted_ref(std::string_view ref);

Error wrong_field(std::string_view name, std::string_view expected);

}  // namespace slipway
