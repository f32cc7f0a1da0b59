// Triggers: what turns a push to a code repository into builds.
//
// A trigger belongs to an image repository, names a code repository and carries a secret that its
// webhooks are signed with. Deciding is pure: verify_webhook and parse_webhook read bytes,
// match_trigger makes a request or says why not; TriggerStore keeps.
//
// Thread safety: pure functions; TriggerStore from any thread.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <slipway/build/build.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/clock.hpp>

namespace slipway {

enum class GitProvider : std::uint8_t { github, gitlab, bitbucket, gitea, custom };

std::string_view to_string(GitProvider provider) noexcept;
std::optional<GitProvider> parse_git_provider(std::string_view text) noexcept;

/// What a person asks for; left out means the default that interfaces promise: every branch and no
/// git tag, tags {branch}, {short_sha} and latest.
struct TriggerRequest {
  RepositoryName repository;
  GitProvider provider = GitProvider::github;
  std::string git_url;                // what is cloned: never the payload's
  std::string branches = ".*";        // RE2, must match the whole name; empty: none
  std::string git_tags;               // RE2; empty: none
  std::vector<std::string> paths;     // globs, "!" before one excludes; empty: any change
  std::string context = ".";
  std::string dockerfile = "Dockerfile";
  std::vector<std::string> tags = {"{branch}", "{short_sha}", "latest"};
  bool supersede = false;
  std::string status_token;  // tells the provider of its builds' states with it; empty: does not
  std::string status_api;    // where; empty: the provider's usual place for git_url

  explicit TriggerRequest(RepositoryName name) : repository(std::move(name)) {}
};

/// How the trigger's latest builds ended.
struct TriggerHealth {
  unsigned failures_in_a_row = 0;   // of the class user, since the last success
  std::optional<Timestamp> paused;  // since when: a hundred failed in a row; it builds nothing
};

struct Trigger {
  std::string id;  // ULID
  TriggerRequest request;
  std::string secret;  // for signatures; shown once
  Timestamp created{};
  TriggerHealth health = {};
};

/// A webhook's header fields, lower-case names.
using WebhookFields = std::function<std::string_view(std::string_view name)>;

/// Is the body signed with the trigger's secret as its provider documents it? Constant time.
/// Errors: unauthenticated (missing, malformed or wrong).
Result<void> verify_webhook(GitProvider provider, std::string_view secret,
                            const WebhookFields& fields, std::string_view body);

/// A ref that was pushed.
struct PushEvent {
  std::string ref;  // refs/heads/main, refs/tags/v1
  std::string commit;
  std::string default_branch;
  std::string delivery;
  std::optional<CommitInfo> head;
  std::vector<std::string> changed_paths;  // empty when the payload does not tell
};

struct IgnoredEvent {
  std::string reason;  // "ping", "branch deleted", "commit message says [skip ci]"
};

/// What the payload says: pushes (Bitbucket may carry several), or why it is not one.
/// Errors: invalid_argument (malformed; which field), unsupported (provider), too_large.
Result<std::variant<std::vector<PushEvent>, IgnoredEvent>> parse_webhook(
    GitProvider provider, const WebhookFields& fields, std::string_view body);

/// A build for this push, or why not; a paused trigger ignores all. Patterns are RE2: linear time. A push that no template makes
/// a tag for is ignored: a request without tags would be given "latest".
std::variant<BuildRequest, IgnoredEvent> match_trigger(const Trigger& trigger,
                                                       const PushEvent& push);

class TriggerStore {
 public:
  /// Both must outlive the store.
  TriggerStore(MetadataStore& metadata, Clock& clock) : metadata_(metadata), clock_(clock) {}

  /// Errors: invalid_argument (a pattern that does not compile, a template that is unknown: which),
  /// io.
  Result<Trigger> create(const TriggerRequest& request);
  /// Point read. Errors: not_found, io, corrupt.
  Result<Trigger> find(std::string_view id) const;
  /// In the order they were made. Errors: io, corrupt.
  Result<std::vector<Trigger>> list(const RepositoryName& repository) const;
  /// Builds again after it was paused, and counts failures anew. Errors: not_found, io.
  Result<Trigger> resume(std::string_view id);
  /// Its deliveries go with it. Errors: not_found, io.
  Result<void> remove(const RepositoryName& repository, std::string_view id);

 private:
  MetadataStore& metadata_;
  Clock& clock_;
};

}  // namespace slipway
