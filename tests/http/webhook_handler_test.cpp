#include <string>

#include <gtest/gtest.h>

#include <slipway/core/hex.hpp>
#include <slipway/support/hasher.hpp>

#include "tests/http/api_fixture.hpp"

namespace slipway {
namespace {

using test::Answer;
using test::ApiFixture;
using test::exchange;
using test::Fields;

constexpr std::string_view commit = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";

std::string push_of(std::string_view ref, std::string_view message = "Fix the pager") {
  std::string json = R"({"ref":")";
  json.append(ref).append(R"(","after":")").append(commit);
  json.append(R"(","repository":{"default_branch":"main","clone_url":"https://elsewhere/x.git"},)");
  json.append(
      R"("sender":{"login":"grace","avatar_url":"https://a/grace.png"},"head_commit":{"id":")");
  json.append(commit).append(R"(","message":")").append(message);
  json.append(R"(","url":"https://c/1","timestamp":"2026-05-15T17:20:41+02:00",)");
  json.append(
      R"("author":{"name":"Grace Hopper","email":"grace@example.com","username":"grace"}}})");
  return json;
}

class WebhookHandlerTest : public ApiFixture {
 protected:
  Trigger trigger(TriggerRequest request = TriggerRequest(*RepositoryName::parse("app/web"))) {
    request.git_url = "https://git.example.com/pager.git";
    auto created = triggers_.create(request);
    EXPECT_TRUE(created.ok());
    return std::move(*created);
  }

  static Fields signed_fields(std::string_view secret, std::string_view body,
                              std::string_view delivery = "d-1", std::string_view event = "push") {
    return {{"Content-Type", "application/json"},
            {"X-GitHub-Event", std::string(event)},
            {"X-GitHub-Delivery", std::string(delivery)},
            {"X-Hub-Signature-256", "sha256=" + to_hex(hmac_sha256(secret, body))}};
  }

  Answer deliver(const Trigger& trigger, std::string_view body, std::string_view delivery = "d-1",
                 std::string_view event = "push") {
    return exchange(*hooks_, "POST", "/hooks/" + trigger.id, body,
                    signed_fields(trigger.secret, body, delivery, event));
  }

  std::size_t builds() { return queue_->list({})->builds.size(); }
};

TEST_F(WebhookHandlerTest, ASignedPushIsABuildOfTheTriggersUrl) {
  const Answer answer = deliver(trigger(), push_of("refs/heads/main"));
  ASSERT_EQ(answer.status, 202) << answer.text;
  const auto json = answer.json();
  ASSERT_EQ(json.root().find("builds").size(), 1U);
  const json::Value build = json.root().find("builds").elements()[0];
  EXPECT_EQ(build.find("repository").text(), "app/web");
  EXPECT_EQ(build.find("state").text(), "queued");
  EXPECT_EQ(build.find("source").find("git").find("url").text(),
            "https://git.example.com/pager.git");
  EXPECT_EQ(build.find("source").find("git").find("commit").text(), commit);
  EXPECT_EQ(build.find("commit").find("author").find("avatar_url").text(), "https://a/grace.png");
  EXPECT_EQ(build.find("trigger").find("provider").text(), "github");
  EXPECT_EQ(build.find("tags").size(), 3U);
  EXPECT_TRUE(queue_->find(build.find("id").text()).ok());
}

TEST_F(WebhookHandlerTest, ARedeliveryIsTheSameBuild) {
  const Trigger made = trigger();
  const std::string body = push_of("refs/heads/main");
  const auto id = [](const Answer& answer) {
    const auto json = answer.json();
    return std::string(json.root().find("builds").elements()[0].find("id").text());
  };
  const std::string first = id(deliver(made, body, "d-1"));
  EXPECT_EQ(id(deliver(made, body, "d-1")), first);
  EXPECT_EQ(builds(), 1U);
  EXPECT_NE(id(deliver(made, body, "d-2")), first);
  EXPECT_EQ(builds(), 2U);
}

TEST_F(WebhookHandlerTest, ItIsKeptInTheCommitOfItsBuild) {
  const Trigger made = trigger();
  const auto writes = metadata_->counts().writes;
  const Answer answer = deliver(made, push_of("refs/heads/main"));
  ASSERT_EQ(answer.status, 202) << answer.text;
  EXPECT_EQ(metadata_->counts().writes, writes + 1);
  const Delivery delivery = deliveries_.list(made.id, {}, 10)->deliveries.at(0);
  EXPECT_EQ(delivery.result.status, 202);
  EXPECT_EQ(delivery.result.builds, std::vector<std::string>{queue_->list({})->builds.at(0).id});
}

TEST_F(WebhookHandlerTest, WhoHasNoSecretLearnsNothing) {
  const Trigger made = trigger();
  const std::string body = push_of("refs/heads/main");
  const Answer forged =
      exchange(*hooks_, "POST", "/hooks/" + made.id, body, signed_fields("another secret", body));
  const Answer unsigned_ =
      exchange(*hooks_, "POST", "/hooks/" + made.id, body, {{"X-GitHub-Event", "push"}});
  const Answer changed =
      exchange(*hooks_, "POST", "/hooks/" + made.id, body + " ", signed_fields(made.secret, body));
  const Answer unknown = exchange(*hooks_, "POST", "/hooks/01JDCZ0M4Y7W3Q6S8N2V5X9K1B", body,
                                  signed_fields(made.secret, body));
  const Answer no_id =
      exchange(*hooks_, "POST", "/hooks/x", body, signed_fields(made.secret, body));
  EXPECT_EQ(forged.status, 401);
  EXPECT_EQ(forged.code(), "unauthenticated");
  for (const Answer* other : {&unsigned_, &changed, &unknown, &no_id}) {
    EXPECT_EQ(other->status, 401);
    EXPECT_EQ(other->text, forged.text);
    EXPECT_EQ(other->response.head(), forged.response.head());
  }
  EXPECT_EQ(builds(), 0U);
}

TEST_F(WebhookHandlerTest, AuthorizationIsIgnored) {
  const Trigger made = trigger();
  const std::string body = push_of("refs/heads/main");
  Fields fields = signed_fields(made.secret, body);
  fields.emplace_back("Authorization", "Bearer nonsense");
  EXPECT_EQ(exchange(*hooks_, "POST", "/hooks/" + made.id, body, fields).status, 202);
  EXPECT_EQ(exchange(*hooks_, "POST", "/hooks/" + made.id, body, bearer(administrator_)).status,
            401);
}

TEST_F(WebhookHandlerTest, WhatBuildsNothingSaysWhy) {
  const Trigger made = trigger();
  const auto reason = [&](const Answer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.text;
    const auto json = answer.json();
    return std::string(json.root().find("ignored").text());
  };
  EXPECT_EQ(reason(deliver(made, R"({"zen":"Keep it logically awesome."})", "d-1", "ping")),
            "ping");
  EXPECT_EQ(reason(deliver(made, push_of("refs/tags/v1"))), "tag v1: this trigger builds no tags");
  EXPECT_EQ(reason(deliver(made, push_of("refs/heads/main", "Typo [skip ci]"))),
            "commit message says [skip ci]");
  EXPECT_EQ(reason(deliver(made, R"({"ref":"refs/heads/x","after":")" + std::string(40, '0') +
                                     R"(","deleted":true})")),
            "branch deleted");
  EXPECT_EQ(builds(), 0U);
}

TEST_F(WebhookHandlerTest, AMalformedPayloadIsToldToWhoeverSignedIt) {
  const Answer answer = deliver(trigger(), "{}");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "invalid_argument");
}

TEST_F(WebhookHandlerTest, SeveralRefsAreSeveralBuilds) {
  TriggerRequest request(*RepositoryName::parse("app/web"));
  request.provider = GitProvider::bitbucket;
  const Trigger made = trigger(std::move(request));
  const auto change = [](std::string_view branch) {
    return R"({"new":{"type":"branch","name":")" + std::string(branch) + R"(","target":{"hash":")" +
           std::string(commit) + R"("}}})";
  };
  const std::string body = R"({"push":{"changes":[)" + change("one") + "," + change("two") + "]}}";
  const Fields fields{{"X-Event-Key", "repo:push"},
                      {"X-Request-UUID", "r-1"},
                      {"X-Hub-Signature", "sha256=" + to_hex(hmac_sha256(made.secret, body))}};
  for (int i = 0; i < 2; ++i) {  // the second is a redelivery
    const Answer answer = exchange(*hooks_, "POST", "/hooks/" + made.id, body, fields);
    ASSERT_EQ(answer.status, 202) << answer.text;
    EXPECT_EQ(answer.json().root().find("builds").size(), 2U);
    EXPECT_EQ(builds(), 2U);
  }
}

TEST_F(WebhookHandlerTest, ASupersedingTriggerEndsTheEarlierBuildOfItsBranch) {
  TriggerRequest request(*RepositoryName::parse("app/web"));
  request.supersede = true;
  const Trigger made = trigger(std::move(request));
  const auto id = [](const Answer& answer) {
    const auto json = answer.json();
    return std::string(json.root().find("builds").elements()[0].find("id").text());
  };
  const std::string first = id(deliver(made, push_of("refs/heads/main"), "d-1"));
  const std::string other = id(deliver(made, push_of("refs/heads/other"), "d-2"));
  const std::string second = id(deliver(made, push_of("refs/heads/main"), "d-3"));
  EXPECT_EQ(queue_->find(first)->state, BuildState::cancelled);
  EXPECT_EQ(queue_->find(first)->superseded_by, second);
  EXPECT_EQ(queue_->find(other)->state, BuildState::queued);
  EXPECT_EQ(queue_->find(second)->state, BuildState::queued);
}

TEST_F(WebhookHandlerTest, MethodsPathsAndSize) {
  const Trigger made = trigger();
  const Answer get = exchange(*hooks_, "GET", "/hooks/" + made.id);
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.response.field("Allow"), "POST");
  EXPECT_EQ(exchange(*hooks_, "POST", "/hooks/", "x").status, 404);
  EXPECT_EQ(exchange(*hooks_, "POST", "/hooks/" + made.id + "/more", "x").status, 404);
  const std::string large(std::size_t{25} * 1024 * 1024 + 1, ' ');
  EXPECT_EQ(exchange(*hooks_, "POST", "/hooks/" + made.id, large).status, 413);
}

}  // namespace
}  // namespace slipway
