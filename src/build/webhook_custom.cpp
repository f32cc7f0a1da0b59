// The payload of git servers without webhooks of their own, sent by a hook that somebody wrote:
//
//   {"commit": "1c00…", "ref": "refs/heads/main", "default_branch": "main",
//    "commit_info": {"url": "…", "message": "…", "date": "…",
//                    "author": {"username": "…", "avatar_url": "…"}, "committer": {…}}}
//
// What Quay's custom triggers take; docs/http.md tells how it is signed.

#include <utility>

#include "build/webhook.hpp"

namespace slipway {

Result<WebhookEvent> read_custom_push(json::Value payload, std::string_view delivery) {
  PushEvent push;
  push.ref = payload.find("ref").text();
  push.commit = payload.find("commit").text();
  if (push.ref.empty()) return wrong_field("ref", "the name of a ref");
  if (is_zero_object_id(push.commit)) return deleted_ref(push.ref);
  if (!is_object_id(push.commit)) return wrong_field("commit", "a full object id");
  push.delivery = delivery;
  push.default_branch = payload.find("default_branch").text();
  if (const json::Value info = payload.find("commit_info"); info.is_object()) {
    push.head.emplace();
    push.head->id = push.commit;
    push.head->message = info.find("message").text();
    push.head->url = info.find("url").text();
    push.head->timestamp = info.find("date").text();
    push.head->author = read_person(info.find("author"));
    push.head->committer = read_person(info.find("committer"));
  }
  return WebhookEvent(std::vector<PushEvent>{std::move(push)});
}

}  // namespace slipway
