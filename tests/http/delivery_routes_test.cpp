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

std::string push_of(std::string_view ref, std::string_view more = "") {
  return R"({"ref":")" + std::string(ref) + R"(","after":"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5")" +
         std::string(more) + "}";
}

class DeliveryRoutesTest : public ApiFixture {
 protected:
  DeliveryRoutesTest() {
    TriggerRequest request(*RepositoryName::parse("app/web"));
    request.git_url = "https://git.example.com/pager.git";
    trigger_ = *triggers_.create(request);
    path_ = "/api/v1/repositories/app/web/triggers/" + trigger_.id;
  }

  Answer deliver(std::string_view body, std::string_view delivery = "d-1",
                 std::string_view event = "push") {
    return exchange(*hooks_, "POST", "/hooks/" + trigger_.id, body,
                    {{"Content-Type", "application/json"},
                     {"User-Agent", "GitHub-Hookshot/1"},
                     {"X-GitHub-Event", std::string(event)},
                     {"X-GitHub-Delivery", std::string(delivery)},
                     {"X-Hub-Signature-256",
                      "sha256=" + to_hex(hmac_sha256(trigger_.secret, body))}});
  }

  static std::string build_of(const Answer& answer) {
    EXPECT_EQ(answer.status, 202) << answer.text;
    const auto json = answer.json();
    return std::string(json.root().find("builds").elements()[0].find("id").text());
  }

  /// The ids, newest first.
  std::vector<std::string> deliveries(const std::string& query = "") {
    const Answer answer = get(path_ + "/deliveries" + query, builder_);
    EXPECT_EQ(answer.status, 200) << answer.text;
    const auto json = answer.json();
    std::vector<std::string> ids;
    for (const json::Value delivery : json.root().find("deliveries").elements())
      ids.emplace_back(delivery.find("id").text());
    return ids;
  }

  /// Ends the newest build of the trigger's.
  void end(const std::string& build, FailureClass failure) {
    const Registration worker = run(build);
    ASSERT_TRUE(queue_->fail({build, worker.build.epoch}, {failure, "step_failed", "RUN x", 1}).ok());
  }

  Trigger trigger_{{}, TriggerRequest(*RepositoryName::parse("app/web")), {}, {}};
  std::string path_;
};

TEST_F(DeliveryRoutesTest, EachIsKeptWithItsResultAndWithoutSecrets) {
  const std::string body = push_of("refs/heads/main");
  const std::string build = build_of(deliver(body));
  deliver("{}", "d-2", "ping");
  deliver("{}", "d-3");
  EXPECT_EQ(exchange(*hooks_, "POST", "/hooks/" + trigger_.id, "{}").status, 401);

  const Answer listed = get(path_ + "/deliveries", builder_);
  const auto json = listed.json();
  const auto all = json.root().find("deliveries").elements();
  ASSERT_EQ(all.size(), 3U) << "what is not signed is not kept";
  EXPECT_EQ(all[0].find("delivery").text(), "d-3");
  EXPECT_EQ(all[0].find("result").find("status").as_int64(), 400);
  EXPECT_EQ(all[0].find("result").find("error").find("code").text(), "invalid_argument");
  EXPECT_EQ(all[1].find("event").text(), "ping");
  EXPECT_EQ(all[1].find("result").find("ignored").text(), "ping");
  EXPECT_EQ(all[2].find("result").find("status").as_int64(), 202);
  EXPECT_EQ(all[2].find("result").find("builds").elements()[0].text(), build);
  EXPECT_EQ(all[2].find("received").text(), "2026-11-24T09:05:03.007Z");
  EXPECT_EQ(all[2].find("fields").find("user-agent").text(), "GitHub-Hookshot/1");
  EXPECT_EQ(listed.text.find("sha256="), std::string::npos);
  EXPECT_EQ(listed.text.find(trigger_.secret), std::string::npos);

  const std::string id(all[2].find("id").text());
  const auto shown = get(path_ + "/deliveries/" + id, builder_).json();
  EXPECT_EQ(shown.root().find("body").text(), body);
  EXPECT_EQ(shown.root().find("body_size").as_uint64(), body.size());
  EXPECT_EQ(get(path_ + "/deliveries/01JDCZ0M4Y7W3Q6S8N2V5X9K1B", builder_).status, 404);
}

TEST_F(DeliveryRoutesTest, ThePlainSecretOfGitLabIsNotKept) {
  TriggerRequest request(*RepositoryName::parse("app/web"));
  request.git_url = "https://git.example.com/pager.git";
  request.provider = GitProvider::gitlab;
  const Trigger made = *triggers_.create(request);
  const Answer answer = exchange(*hooks_, "POST", "/hooks/" + made.id, "{}",
                                 {{"X-Gitlab-Event", "Note Hook"}, {"X-Gitlab-Token", made.secret}});
  EXPECT_EQ(answer.status, 200) << answer.text;
  const Answer listed =
      get("/api/v1/repositories/app/web/triggers/" + made.id + "/deliveries", builder_);
  EXPECT_NE(listed.text.find("Note Hook"), std::string::npos);
  EXPECT_EQ(listed.text.find(made.secret), std::string::npos);
}

TEST_F(DeliveryRoutesTest, ATokenForCommitStatusesIsKeptAndNeverShown) {
  const Answer made = post("/api/v1/repositories/app/web/triggers",
                           R"({"provider":"gitea","git":{"url":"https://git.example.com/a/b"},)"
                           R"("status":{"token":"t0ken-of-gitea","api":"https://api.example.com"}})",
                           builder_);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.text.find("t0ken"), std::string::npos);
  EXPECT_EQ(made.json().root().find("status").find("api").text(), "https://api.example.com");
  const std::string id(made.json().root().find("id").text());
  EXPECT_EQ(triggers_.find(id)->request.status_token, "t0ken-of-gitea");
  EXPECT_EQ(get("/api/v1/repositories/app/web/triggers", builder_).text.find("t0ken"),
            std::string::npos);
  for (const std::string_view status :
       {R"({"token":"a\nb"})", R"({"token":"t","api":"http://plain"})", R"({"api":"https://h"})",
        R"({"token":"t","api":"https://h/"})"})
    EXPECT_EQ(post("/api/v1/repositories/app/web/triggers",
                   R"({"provider":"gitea","git":{"url":"https://h/a/b"},"status":)" +
                       std::string(status) + "}",
                   builder_)
                  .status,
              400)
        << status;
}

TEST_F(DeliveryRoutesTest, ListsArePaged) {
  for (int i = 0; i < 5; ++i) deliver("{}", "d", "ping");
  const auto all = deliveries();
  ASSERT_EQ(all.size(), 5U);
  const Answer first = get(path_ + "/deliveries?limit=2", builder_);
  EXPECT_EQ(first.response.field("Link"),
            "<" + path_ + "/deliveries?limit=2&after=" + all[1] + ">; rel=\"next\"");
  EXPECT_EQ(deliveries("?limit=2&after=" + all[1]), (std::vector<std::string>{all[2], all[3]}));
  EXPECT_EQ(deliveries("?limit=2&after=" + all[3]), std::vector<std::string>{all[4]});
  EXPECT_EQ(get(path_ + "/deliveries?after=x", builder_).status, 400);
}

TEST_F(DeliveryRoutesTest, AReplayBuildsAgainAndIsADeliveryItself) {
  const std::string body = push_of("refs/heads/main");
  const std::string first = build_of(deliver(body));
  const std::string original = deliveries().front();
  const std::string replayed =
      build_of(post(path_ + "/deliveries/" + original + "/replay", "", builder_));
  EXPECT_NE(replayed, first);
  EXPECT_EQ(queue_->find(replayed)->request.source, queue_->find(first)->request.source);
  const auto all = deliveries();
  ASSERT_EQ(all.size(), 2U);
  const auto shown = get(path_ + "/deliveries/" + all[0], builder_).json();
  EXPECT_EQ(shown.root().find("replay_of").text(), original);
  EXPECT_EQ(shown.root().find("result").find("builds").elements()[0].text(), replayed);
  EXPECT_EQ(shown.root().find("body").text(), body);
  // The provider's own repeat is still the first build.
  EXPECT_EQ(build_of(deliver(body)), first);
  // What was ignored may be wanted by now, or still not.
  deliver("{}", "d-9", "ping");
  EXPECT_EQ(post(path_ + "/deliveries/" + deliveries().front() + "/replay", "", builder_).text,
            R"({"ignored":"ping"})");
}

TEST_F(DeliveryRoutesTest, DeliveriesAreOfTheirTrigger) {
  deliver("{}", "d", "ping");
  const std::string id = deliveries().front();
  TriggerRequest request(*RepositoryName::parse("app/api"));
  request.git_url = "https://git.example.com/pager.git";
  const Trigger other = *triggers_.create(request);
  const std::string elsewhere = "/api/v1/repositories/app/api/triggers/" + other.id;
  EXPECT_EQ(get(elsewhere + "/deliveries/" + id, builder_).status, 404);
  EXPECT_EQ(get("/api/v1/repositories/app/api/triggers/" + trigger_.id + "/deliveries", builder_)
                .status,
            404);
  ASSERT_TRUE(triggers_.remove(trigger_.request.repository, trigger_.id).ok());
  EXPECT_EQ(deliveries_.list(trigger_.id, "", 10)->deliveries.size(), 0U);
}

TEST_F(DeliveryRoutesTest, AfterAHundredUserFailuresInARowTheTriggerIsPausedAndSaysSo) {
  for (int i = 0; i < 99; ++i)
    end(build_of(deliver(push_of("refs/heads/main"), "d-" + std::to_string(i))), FailureClass::user);
  auto shown = get(path_, builder_).json();
  EXPECT_EQ(shown.root().find("failures_in_a_row").as_uint64(), 99U);
  EXPECT_FALSE(shown.root().find("paused"));
  // What is not the user's counts neither way.
  end(build_of(deliver(push_of("refs/heads/main"), "slow")), FailureClass::timeout);
  ASSERT_TRUE(queue_->cancel(build_of(deliver(push_of("refs/heads/main"), "no")), "requested").ok());
  EXPECT_EQ(triggers_.find(trigger_.id)->health.failures_in_a_row, 99U);

  end(build_of(deliver(push_of("refs/heads/main"), "d-99")), FailureClass::user);
  shown = get(path_, builder_).json();
  EXPECT_EQ(shown.root().find("paused").text(), "2026-11-24T09:05:03.007Z");
  const Answer ignored = deliver(push_of("refs/heads/main"), "d-100");
  EXPECT_EQ(ignored.status, 200);
  EXPECT_EQ(ignored.json().root().find("ignored").text(),
            "this trigger is paused since 2026-11-24T09:05:03.007Z: its last 100 builds failed, each "
            "by its own source or Dockerfile; mend that and resume it: slipway trigger resume "
            "app/web " + trigger_.id);

  const Answer resumed = post(path_ + "/resume", "", builder_);
  EXPECT_EQ(resumed.status, 200) << resumed.text;
  EXPECT_FALSE(resumed.json().root().find("paused"));
  build_of(post(path_ + "/deliveries/" + deliveries().front() + "/replay", "", builder_));
}

TEST_F(DeliveryRoutesTest, ASuccessBeginsTheCountAnew) {
  end(build_of(deliver(push_of("refs/heads/main"), "d-1")), FailureClass::user);
  EXPECT_EQ(triggers_.find(trigger_.id)->health.failures_in_a_row, 1U);
  const std::string build = build_of(deliver(push_of("refs/heads/main"), "d-2"));
  const Registration worker = run(build);
  const std::string manifest = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";
  const RepositoryName repository = *RepositoryName::parse("app/web");
  const Digest digest = digest_of(manifest);
  ASSERT_TRUE(registry_
                  ->put_manifest(repository, *parse_reference("x"), manifest,
                                 "application/vnd.oci.image.index.v1+json")
                  .ok());
  ASSERT_TRUE(queue_->succeed({build, worker.build.epoch}, digest).ok());
  EXPECT_EQ(triggers_.find(trigger_.id)->health.failures_in_a_row, 0U);
}

}  // namespace
}  // namespace slipway
