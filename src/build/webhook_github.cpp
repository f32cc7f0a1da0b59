// GitHub's push event, which Gitea's and Forgejo's follows.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push

#include <utility>

#include "build/webhook.hpp"

namespace slipway {
namespace {

/// GitHub lists at most so many commits of a push; with as many, the list may be cut.
constexpr std::size_t most_listed_commits = 2048;

/// Only of the sender does the payload tell an avatar.
std::optional<Person> person_of(json::Value value, json::Value sender) {
  auto person = read_person(value);
  if (person && !person->username.empty() && person->username == sender.find("login").text())
    person->avatar_url = sender.find("avatar_url").text();
  return person;
}

CommitInfo commit_of(json::Value commit, json::Value sender) {
  CommitInfo info;
  info.id = commit.find("id").text();
  info.message = commit.find("message").text();
  info.url = commit.find("url").text();
  info.timestamp = commit.find("timestamp").text();
  info.author = person_of(commit.find("author"), sender);
  info.committer = person_of(commit.find("committer"), sender);
  return info;
}

/// The last commit of the push: old servers of Gitea tell it in the list only.
json::Value head_of(json::Value payload, std::string_view id) {
  const json::Value head = payload.find("head_commit");
  if (head.is_object()) return head;
  for (const json::Value commit : payload.find("commits").elements())
    if (commit.find("id").text() == id) return commit;
  return head;
}

}  // namespace

Result<WebhookEvent> read_github_push(json::Value payload, std::string_view delivery) {
  PushEvent push;
  push.ref = payload.find("ref").text();
  push.commit = payload.find("after").text();
  push.delivery = delivery;
  if (push.ref.empty()) return wrong_field("ref", "the name of a ref");
  if (is_zero_object_id(push.commit)) return deleted_ref(push.ref);

  const json::Value head = head_of(payload, push.commit);
  if (head.is_object()) {
    push.head = commit_of(head, payload.find("sender"));
    // Of an annotated tag, "after" is the tag object; its commit is the head.
    if (is_object_id(push.head->id)) push.commit = push.head->id;
  }
  if (!is_object_id(push.commit)) return wrong_field("after", "an object id");
  push.default_branch = payload.find("repository").find("default_branch").text();
  push.changed_paths = read_changed_paths(payload.find("commits"), most_listed_commits);
  return WebhookEvent(std::vector<PushEvent>{std::move(push)});
}

}  // namespace slipway
