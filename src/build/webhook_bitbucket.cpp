// Bitbucket Cloud's push event: several refs in one payload, without the paths that changed.
// https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push

#include <utility>

#include "build/webhook.hpp"

namespace slipway {
namespace {

/// "Grace Hopper <grace@example.com>"
void read_raw_author(std::string_view raw, Person& person) {
  const std::size_t open = raw.rfind('<');
  std::string_view name = raw.substr(0, open);
  while (name.ends_with(' ')) name.remove_suffix(1);
  person.name = name;
  if (open == std::string_view::npos) return;
  const std::string_view address = raw.substr(open + 1);
  person.email = address.substr(0, address.find('>'));
}

std::optional<Person> author_of(json::Value target) {
  const json::Value author = target.find("author");
  const json::Value user = author.find("user");
  Person person;
  read_raw_author(author.find("raw").text(), person);
  const json::Value nickname = user.find("nickname");  // before 2019: username
  person.username = (nickname ? nickname : user.find("username")).text();
  person.avatar_url = user.find("links").find("avatar").find("href").text();
  if (person == Person()) return std::nullopt;
  return person;
}

CommitInfo commit_of(json::Value target) {
  CommitInfo info;
  info.id = target.find("hash").text();
  info.message = target.find("message").text();
  info.url = target.find("links").find("html").find("href").text();
  info.timestamp = target.find("date").text();
  info.author = author_of(target);
  return info;
}

}  // namespace

Result<WebhookEvent> read_bitbucket_push(json::Value payload, std::string_view delivery) {
  const std::string_view default_branch =
      payload.find("repository").find("mainbranch").find("name").text();
  const auto changes = payload.find("push").find("changes").elements();
  if (changes.size() == 0) return wrong_field("push.changes", "a list of changes");
  std::vector<PushEvent> pushes;
  std::string deleted;
  for (const json::Value change : changes) {
    const json::Value now = change.find("new");
    const json::Value ref = now ? now : change.find("old");
    const std::string_view type = ref.find("type").text();
    const std::string_view name = ref.find("name").text();
    if ((type != "branch" && type != "tag") || name.empty())
      return wrong_field("push.changes", "changes of branches and tags with their names");
    PushEvent push;
    push.ref.append(type == "tag" ? "refs/tags/" : "refs/heads/").append(name);
    if (!now) {
      deleted = push.ref;
      continue;
    }
    push.head = commit_of(now.find("target"));
    push.commit = push.head->id;
    if (!is_object_id(push.commit)) return wrong_field("push.changes", "new.target.hash in each");
    push.default_branch = default_branch;
    push.delivery = delivery;
    pushes.push_back(std::move(push));
  }
  if (pushes.empty()) return deleted_ref(deleted);
  return WebhookEvent(std::move(pushes));
}

}  // namespace slipway
