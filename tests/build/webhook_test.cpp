#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include <slipway/build/trigger.hpp>
#include <slipway/core/hex.hpp>
#include <slipway/support/hasher.hpp>

namespace slipway {
namespace {

using Fields = std::map<std::string, std::string, std::less<>>;

WebhookFields lookup(const Fields& fields) {
  return [&fields](std::string_view name) -> std::string_view {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string_view() : found->second;
  };
}

std::string payload(const std::string& name) {
  std::ifstream file(std::string(SLIPWAY_TEST_FOLDER) + "/webhooks/" + name + ".json");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_GT(text.str().size(), 2U) << name;
  return text.str();
}

std::string changed(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string form_of(std::string_view json) {
  std::string form = "payload=";
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : json) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
      form.push_back(c);
    else if (c == ' ')
      form.push_back('+');
    else
      form.append("%").append(1, digits[byte >> 4U]).append(1, digits[byte & 0xFU]);
  }
  return form;
}

using Event = Result<std::variant<std::vector<PushEvent>, IgnoredEvent>>;

std::vector<PushEvent> pushes_of(const Event& event) {
  EXPECT_TRUE(event.ok()) << (event.ok() ? "" : event.error().message);
  const auto* pushes = event ? std::get_if<std::vector<PushEvent>>(&*event) : nullptr;
  EXPECT_NE(pushes, nullptr);
  return pushes != nullptr ? *pushes : std::vector<PushEvent>(1);
}

std::string reason_of(const Event& event) {
  EXPECT_TRUE(event.ok()) << (event.ok() ? "" : event.error().message);
  const auto* ignored = event ? std::get_if<IgnoredEvent>(&*event) : nullptr;
  return ignored != nullptr ? ignored->reason : "(not ignored)";
}

Fields github(std::string event) {
  return {{"x-github-event", std::move(event)},
          {"x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"},
          {"content-type", "application/json"}};
}

Event parse_github(std::string_view body, const Fields& fields = github("push")) {
  return parse_webhook(GitProvider::github, lookup(fields), body);
}

// ---- signatures ----

bool verified(GitProvider provider, std::string_view secret, const Fields& fields,
              std::string_view body) {
  const auto result = verify_webhook(provider, secret, lookup(fields), body);
  EXPECT_TRUE(result.ok() || result.error().code == ErrorCode::unauthenticated);
  return result.ok();
}

// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
constexpr std::string_view github_secret = "It's a Secret to Everybody";
constexpr std::string_view github_body = "Hello, World!";
constexpr std::string_view github_signature =
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

TEST(WebhookSignature, GitHubsOwnExample) {
  const Fields fields{{"x-hub-signature-256", std::string(github_signature)}};
  EXPECT_TRUE(verified(GitProvider::github, github_secret, fields, github_body));
  EXPECT_FALSE(verified(GitProvider::github, "another", fields, github_body));
  EXPECT_FALSE(verified(GitProvider::github, github_secret, fields, "Hello, World"));
  EXPECT_FALSE(verified(GitProvider::github, "", fields, github_body));
}

TEST(WebhookSignature, MissingOrMalformedIsRefused) {
  const std::string good(github_signature);
  for (const std::string& bad :
       {std::string(), std::string("sha256="), good.substr(7), good.substr(0, good.size() - 1),
        good + "0", "SHA256=" + good.substr(7), "sha1=" + good.substr(7), " " + good,
        changed(good, "757107ea", "757107EA")})
    EXPECT_FALSE(
        verified(GitProvider::github, github_secret, {{"x-hub-signature-256", bad}}, github_body))
        << bad;
  EXPECT_FALSE(verified(GitProvider::github, github_secret, {}, github_body));
  EXPECT_FALSE(
      verified(GitProvider::github, github_secret, {{"x-hub-signature", good}}, github_body));
}

TEST(WebhookSignature, EveryByteOfItCounts) {
  for (std::size_t i = 7; i < github_signature.size(); ++i) {
    std::string bad(github_signature);
    bad[i] = bad[i] == '0' ? '1' : '0';
    EXPECT_FALSE(
        verified(GitProvider::github, github_secret, {{"x-hub-signature-256", bad}}, github_body));
  }
}

TEST(WebhookSignature, AFormIsSignedAsSent) {
  const std::string body = form_of(payload("github_ping"));
  const Fields fields{
      {"content-type", "application/x-www-form-urlencoded"},
      {"x-hub-signature-256", "sha256=" + to_hex(hmac_sha256(github_secret, body))}};
  EXPECT_TRUE(verified(GitProvider::github, github_secret, fields, body));
}

TEST(WebhookSignature, GitLabSendsTheSecretItself) {
  EXPECT_TRUE(verified(GitProvider::gitlab, "s3cret", {{"x-gitlab-token", "s3cret"}}, "{}"));
  for (const std::string bad : {"", "s3cre", "s3crets", "S3cret"})
    EXPECT_FALSE(verified(GitProvider::gitlab, "s3cret", {{"x-gitlab-token", bad}}, "{}")) << bad;
  EXPECT_FALSE(verified(GitProvider::gitlab, "s3cret", {}, "{}"));
  EXPECT_FALSE(verified(GitProvider::gitlab, "", {{"x-gitlab-token", ""}}, "{}"));
}

TEST(WebhookSignature, Bitbucket) {
  const std::string signature(github_signature);
  EXPECT_TRUE(verified(GitProvider::bitbucket, github_secret, {{"x-hub-signature", signature}},
                       github_body));
  EXPECT_FALSE(verified(GitProvider::bitbucket, github_secret,
                        {{"x-hub-signature", signature.substr(7)}}, github_body));
}

TEST(WebhookSignature, GiteaAndForgejo) {
  const std::string signature(github_signature);
  for (const std::string name : {"x-gitea-signature", "x-forgejo-signature"}) {
    EXPECT_TRUE(
        verified(GitProvider::gitea, github_secret, {{name, signature.substr(7)}}, github_body));
    EXPECT_FALSE(verified(GitProvider::gitea, github_secret, {{name, signature}}, github_body));
  }
  EXPECT_TRUE(verified(GitProvider::gitea, github_secret, {{"x-hub-signature-256", signature}},
                       github_body));
  // They sign the JSON within a form.
  EXPECT_TRUE(verified(GitProvider::gitea, github_secret,
                       {{"x-gitea-signature", signature.substr(7)},
                        {"content-type", "application/x-www-form-urlencoded"}},
                       "payload=Hello%2C+World%21"));
}

// ---- GitHub ----

TEST(GitHubPush, Branch) {
  const auto pushes = pushes_of(parse_github(payload("github_push")));
  ASSERT_EQ(pushes.size(), 1U);
  const PushEvent& push = pushes.front();
  EXPECT_EQ(push.ref, "refs/heads/main");
  EXPECT_EQ(push.commit, "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5");
  EXPECT_EQ(push.default_branch, "main");
  EXPECT_EQ(push.delivery, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
  ASSERT_TRUE(push.head.has_value());
  EXPECT_EQ(push.head->id, push.commit);
  EXPECT_EQ(push.head->message,
            "Fix the pager\n\nThe last page was lost. Gr\xc3\xb6\xc3\x9f"
            "e stays.");
  EXPECT_EQ(push.head->url,
            "https://github.com/harbour/pager/commit/59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5");
  EXPECT_EQ(push.head->timestamp, "2026-05-15T17:20:41+02:00");
  EXPECT_EQ(push.head->author, (Person{"Grace Hopper", "grace@example.com", "grace",
                                       "https://avatars.githubusercontent.com/u/21031068?v=4"}));
  EXPECT_EQ(push.head->committer, (Person{"GitHub", "noreply@github.com", "web-flow", ""}));
  EXPECT_EQ(push.changed_paths, (std::vector<std::string>{"README.md", "src/old.cpp",
                                                          "src/page.cpp", "src/pager.cpp"}));
}

TEST(GitHubPush, AFormEncodedBodyIsTheSame) {
  Fields fields = github("push");
  fields["content-type"] = "application/x-www-form-urlencoded; charset=utf-8";
  const std::string json = payload("github_push");
  const auto from_form = pushes_of(parse_github(form_of(json), fields));
  const auto from_json = pushes_of(parse_github(json));
  EXPECT_EQ(from_form.front().head, from_json.front().head);
  EXPECT_EQ(from_form.front().commit, from_json.front().commit);
  EXPECT_EQ(from_form.front().changed_paths, from_json.front().changed_paths);
  EXPECT_EQ(pushes_of(parse_github("a=b&" + form_of(json) + "&c=d", fields)).size(), 1U);
}

TEST(GitHubPush, AFormThatIsNone) {
  Fields fields = github("push");
  fields["content-type"] = "application/x-www-form-urlencoded";
  for (const std::string_view body : {"", "payloa=x", "payload=%7", "payload=%zz", "{}"})
    EXPECT_EQ(parse_github(body, fields).error().code, ErrorCode::invalid_argument) << body;
}

TEST(GitHubPush, ATagsCommitIsItsHeadAndNotTheTagObject) {
  const auto pushes = pushes_of(parse_github(payload("github_tag")));
  EXPECT_EQ(pushes.front().ref, "refs/tags/v1.2");
  EXPECT_EQ(pushes.front().commit, "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5");
  EXPECT_EQ(pushes.front().head->author, (Person{"Ada Lovelace", "ada@example.com", "", ""}));
  EXPECT_TRUE(pushes.front().changed_paths.empty());
}

TEST(GitHubPush, WhatThePayloadDoesNotTellStaysEmpty) {
  const auto pushes = pushes_of(
      parse_github(R"({"ref":"refs/heads/x","after":"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5"})"));
  EXPECT_EQ(pushes.front().head, std::nullopt);
  EXPECT_EQ(pushes.front().default_branch, "");
  const auto bare = pushes_of(parse_github(
      R"({"ref":"refs/heads/x","after":"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5",
          "head_commit":{"id":"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5","author":{},"committer":null}})"));
  ASSERT_TRUE(bare.front().head.has_value());
  EXPECT_EQ(bare.front().head->author, std::nullopt);
  EXPECT_EQ(bare.front().head->committer, std::nullopt);
  EXPECT_EQ(bare.front().head->message, "");
}

TEST(GitHubPush, AnObjectIdOfSha256IsOneToo) {
  const std::string id(64, 'a');
  const auto pushes = pushes_of(parse_github(R"({"ref":"refs/heads/x","after":")" + id + R"("})"));
  EXPECT_EQ(pushes.front().commit, id);
}

TEST(GitHubPush, DeletionsPingsAndOtherEventsAreIgnored) {
  EXPECT_EQ(reason_of(parse_github(payload("github_branch_deleted"))), "branch deleted");
  EXPECT_EQ(reason_of(parse_github(
                changed(payload("github_branch_deleted"), "refs/heads/feature", "refs/tags/v1"))),
            "tag deleted");
  EXPECT_EQ(reason_of(parse_github(payload("github_ping"), github("ping"))), "ping");
  EXPECT_EQ(reason_of(parse_github("{}", github("pull_request"))),
            "event pull_request is not a push");
}

TEST(GitHubPush, AListOfCommitsThatMayBeCutTellsNoPaths) {
  std::string commits;
  for (int i = 0; i < 2048; ++i) commits.append(i > 0 ? "," : "").append(R"({"modified":["a"]})");
  const std::string id(40, 'a');
  const auto body = [&](const std::string& list) {
    return R"({"ref":"refs/heads/x","after":")" + id + R"(","commits":[)" + list + "]}";
  };
  EXPECT_TRUE(pushes_of(parse_github(body(commits))).front().changed_paths.empty());
  EXPECT_EQ(pushes_of(parse_github(body(R"({"modified":["a"]})"))).front().changed_paths,
            std::vector<std::string>{"a"});
}

TEST(GitHubPush, MalformedPayloadsAreErrorsThatNameTheField) {
  struct Row {
    std::string_view body;
    std::string_view message;
  };
  constexpr Row rows[] = {
      {"{}", "webhook: ref: expected the name of a ref"},
      {R"({"ref":5,"after":"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5"})",
       "webhook: ref: expected the name of a ref"},
      {R"({"ref":"main","after":"9f3c9f3c9f3c9f3c9f3c9f3c9f3c9f3c9f3c9f3c"})",
       "webhook: ref: expected a full name: refs/heads/main"},
      {R"({"ref":"refs/heads/x"})", "webhook: after: expected an object id"},
      {R"({"ref":"refs/heads/x","after":"main"})", "webhook: after: expected an object id"},
      {R"({"ref":"refs/heads/x","after":"--upload-pack=evil"})",
       "webhook: after: expected an object id"},
      {"[]", "webhook: the payload is not a JSON object"},
  };
  for (const Row& row : rows) {
    const auto event = parse_github(row.body);
    ASSERT_FALSE(event.ok()) << row.body;
    EXPECT_EQ(event.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(event.error().message, row.message);
  }
  for (const std::string_view body : {"", "{", "{\"ref\":", "null", "\xff"})
    EXPECT_EQ(parse_github(body).error().code, ErrorCode::invalid_argument) << body;
  EXPECT_EQ(parse_github(payload("github_push"), {}).error().message,
            "webhook: the header field x-github-event is missing");
  Fields long_delivery = github("push");
  long_delivery["x-github-delivery"] = std::string(201, 'a');
  EXPECT_EQ(parse_github(payload("github_push"), long_delivery).error().code,
            ErrorCode::invalid_argument);
}

TEST(GitHubPush, EveryCutPayloadIsAnErrorAndNotACrash) {
  const std::string body = payload("github_push");
  const std::size_t end = body.rfind('}');
  for (std::size_t size = 0; size <= end; size += 7)
    EXPECT_FALSE(parse_github(std::string_view(body).substr(0, size)).ok()) << size;
}

// ---- the others ----

TEST(GitLabPush, BranchTagAndDeletion) {
  const Fields fields{{"x-gitlab-event", "Push Hook"},
                      {"idempotency-key", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"},
                      {"x-gitlab-event-uuid", "13792a34-cac6-4fda-95a8-c58e00a3954e"}};
  const std::string body = payload("gitlab_push");
  const auto parse = [&](std::string_view text) {
    return parse_webhook(GitProvider::gitlab, lookup(fields), text);
  };
  const PushEvent push = pushes_of(parse(body)).front();
  EXPECT_EQ(push.ref, "refs/heads/main");
  EXPECT_EQ(push.commit, "da1560886d4f094c3e6c9ef40349f7d38b5d27d7");
  EXPECT_EQ(push.default_branch, "main");
  EXPECT_EQ(push.delivery, "f5e5f430-f57b-4e6e-9fac-d9128cd7232f");
  EXPECT_EQ(push.head->message, "Fix the pager");
  EXPECT_EQ(push.head->author, (Person{"Grace Hopper", "grace@example.com", "grace",
                                       "https://gitlab.example.com/uploads/grace.png"}));
  EXPECT_EQ(push.changed_paths, (std::vector<std::string>{"CHANGELOG", "src/old.cpp",
                                                          "src/page.cpp", "src/pager.cpp"}));

  const std::string zero(40, '0');
  EXPECT_EQ(reason_of(parse(changed(body, "da1560886d4f094c3e6c9ef40349f7d38b5d27d7", zero))),
            "branch deleted");
  Fields tag = fields;
  tag["x-gitlab-event"] = "Tag Push Hook";
  tag.erase("idempotency-key");
  const auto tagged = pushes_of(parse_webhook(GitProvider::gitlab, lookup(tag),
                                              changed(body, "refs/heads/main", "refs/tags/v1")));
  EXPECT_EQ(tagged.front().ref, "refs/tags/v1");
  EXPECT_EQ(tagged.front().delivery, "13792a34-cac6-4fda-95a8-c58e00a3954e");
  tag["x-gitlab-event"] = "Merge Request Hook";
  EXPECT_EQ(reason_of(parse_webhook(GitProvider::gitlab, lookup(tag), "{}")),
            "event Merge Request Hook is not a push");
}

TEST(BitbucketPush, EachChangeIsAPush) {
  const Fields fields{{"x-event-key", "repo:push"}, {"x-request-uuid", "r-1"}};
  const auto pushes =
      pushes_of(parse_webhook(GitProvider::bitbucket, lookup(fields), payload("bitbucket_push")));
  ASSERT_EQ(pushes.size(), 2U);  // the third change deletes a branch
  EXPECT_EQ(pushes[0].ref, "refs/heads/main");
  EXPECT_EQ(pushes[0].commit, "709d658dc5b6d6afcd46049c2f332ee3f515a67d");
  EXPECT_EQ(pushes[0].delivery, "r-1");
  EXPECT_EQ(pushes[0].default_branch, "");
  EXPECT_EQ(pushes[0].head->message, "Fix the pager\n");
  EXPECT_EQ(pushes[0].head->timestamp, "2026-06-09T03:34:49+00:00");
  EXPECT_EQ(pushes[0].head->author, (Person{"Grace Hopper", "grace@example.com", "grace",
                                            "https://avatars.example.com/grace.png"}));
  EXPECT_TRUE(pushes[0].changed_paths.empty());
  EXPECT_EQ(pushes[1].ref, "refs/tags/v1.2");
  EXPECT_EQ(pushes[1].head->author, std::nullopt);

  const auto parse = [&](std::string_view body) {
    return parse_webhook(GitProvider::bitbucket, lookup(fields), body);
  };
  EXPECT_EQ(
      reason_of(parse(R"({"push":{"changes":[{"new":null,"old":{"type":"branch","name":"x"}}]}})")),
      "branch deleted");
  EXPECT_FALSE(parse(R"({"push":{"changes":[]}})").ok());
  EXPECT_FALSE(parse(R"({"push":{"changes":[{"new":{"type":"branch","name":"x"}}]}})").ok());
}

TEST(BitbucketPush, OldPayloadsCallTheNicknameUsername) {
  const Fields fields{{"x-event-key", "repo:push"}};
  const std::string body = R"({"push":{"changes":[{"new":{"type":"branch","name":"x","target":{
      "hash":"709d658dc5b6d6afcd46049c2f332ee3f515a67d",
      "author":{"raw":"Grace Hopper <grace@example.com>","user":{"username":"grace"}}}}}]}})";
  const auto pushes = pushes_of(parse_webhook(GitProvider::bitbucket, lookup(fields), body));
  EXPECT_EQ(pushes.front().head->author,
            (Person{"Grace Hopper", "grace@example.com", "grace", ""}));
}

TEST(GiteaPush, FollowsGitHub) {
  const Fields fields{{"x-gitea-event", "push"}, {"x-gitea-delivery", "g-1"}};
  const PushEvent push =
      pushes_of(parse_webhook(GitProvider::gitea, lookup(fields), payload("gitea_push"))).front();
  EXPECT_EQ(push.ref, "refs/heads/develop");
  EXPECT_EQ(push.commit, "bffeb74224043ba2feb48d137756c8a9331c449a");
  EXPECT_EQ(push.default_branch, "main");
  EXPECT_EQ(push.delivery, "g-1");
  EXPECT_EQ(push.head->author->avatar_url, "https://gitea.example.com/avatars/1");
  EXPECT_EQ(push.changed_paths, std::vector<std::string>{"src/pager.cpp"});
}

TEST(GiteaPush, OldServersTellTheHeadInTheListOfCommitsOnly) {
  const Fields fields{{"x-gitea-event", "push"}};
  const std::string id(40, 'a');
  const std::string list = R"([{"id":")" + std::string(40, 'b') + R"(","message":"before"},
      {"id":")" + id + R"(","message":"last","author":{"name":"Grace"}}])";
  const PushEvent push =
      pushes_of(parse_webhook(GitProvider::gitea, lookup(fields),
                              R"({"ref":"refs/heads/x","after":")" + id + R"(","commits":)" + list +
                                  "}"))
          .front();
  ASSERT_TRUE(push.head.has_value());
  EXPECT_EQ(push.head->message, "last");
  EXPECT_EQ(push.head->author, (Person{"Grace", "", "", ""}));
}

TEST(CustomPush, NamesCommitAndRef) {
  const Fields fields{{"x-slipway-delivery", "c-1"}};
  const PushEvent push =
      pushes_of(parse_webhook(GitProvider::custom, lookup(fields), payload("custom_push"))).front();
  EXPECT_EQ(push.ref, "refs/heads/main");
  EXPECT_EQ(push.commit, "1c002dd1b536e54a4e5d1d0b1c9f3a0fbd6ae8f0");
  EXPECT_EQ(push.default_branch, "main");
  EXPECT_EQ(push.delivery, "c-1");
  EXPECT_EQ(push.head->message, "Fix the pager");
  EXPECT_EQ(push.head->timestamp, "2026-05-15T17:20:41Z");
  EXPECT_EQ(push.head->author, (Person{"", "", "grace", "https://git.example.com/grace.png"}));
  EXPECT_EQ(push.head->committer, (Person{"", "", "ada", ""}));
  EXPECT_FALSE(parse_webhook(GitProvider::custom, lookup(fields),
                             R"({"ref":"refs/heads/x","commit":"1c002dd"})")
                   .ok());
}

}  // namespace
}  // namespace slipway
