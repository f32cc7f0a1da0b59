// GitLab's push and tag push events.
// https://docs.gitlab.com/user/project/integrations/webhook_events/

#include <utility>

#include "build/webhook.hpp"

namespace slipway {
namespace {

/// GitLab lists at most so many commits of a push and tells how many there were.
constexpr std::size_t most_listed_commits = 20;

std::optional<Person> person_of(json::Value author, json::Value payload) {
  auto person = read_person(author);
  // Only of who pushed does the payload tell more than name and address.
  if (person && !person->email.empty() && person->email == payload.find("user_email").text()) {
    person->username = payload.find("user_username").text();
    person->avatar_url = payload.find("user_avatar").text();
  }
  return person;
}

/// The listed commit that the push made the ref's last; none where the list was cut before it.
std::optional<CommitInfo> head_of(json::Value payload, std::string_view id) {
  for (const json::Value commit : payload.find("commits").elements()) {
    if (commit.find("id").text() != id) continue;
    CommitInfo head;
    head.id = id;
    head.message = commit.find("message").text();
    head.url = commit.find("url").text();
    head.timestamp = commit.find("timestamp").text();
    head.author = person_of(commit.find("author"), payload);
    return head;
  }
  return std::nullopt;
}

}  // namespace

Result<WebhookEvent> read_gitlab_push(json::Value payload, std::string_view delivery) {
  PushEvent push;
  push.ref = payload.find("ref").text();
  if (push.ref.empty()) return wrong_field("ref", "the name of a ref");
  if (is_zero_object_id(payload.find("after").text())) return deleted_ref(push.ref);
  // Of an annotated tag, "after" is the tag object and "checkout_sha" its commit.
  push.commit = payload.find("checkout_sha").text();
  if (!is_object_id(push.commit)) return wrong_field("checkout_sha", "an object id");
  push.delivery = delivery;
  push.default_branch = payload.find("project").find("default_branch").text();
  push.head = head_of(payload, push.commit);
  push.changed_paths = read_changed_paths(payload.find("commits"), most_listed_commits);
  return WebhookEvent(std::vector<PushEvent>{std::move(push)});
}

}  // namespace slipway
