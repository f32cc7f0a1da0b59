#include <gtest/gtest.h>

#include <string>

#include "tests/http/api_fixture.hpp"

namespace slipway {
namespace {

using test::Answer;
using test::ApiFixture;
using test::exchange;

constexpr const char* path = "/api/v1/admin/notifications";

class NotificationRoutesTest : public ApiFixture {
 protected:
  std::string create(const std::string& body = R"({"url":"https://ci.example.com/hooks"})") {
    const Answer made = post(path, body, administrator_);
    EXPECT_EQ(made.status, 201) << made.text;
    return std::string(made.json().root().find("id").text());
  }
};

TEST_F(NotificationRoutesTest, TheSecretIsShownOnce) {
  const Answer made = post(path, R"({"url":"https://ci.example.com/hooks"})", administrator_);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.response.field("Cache-Control"), "no-store");
  const auto json = made.json();
  const std::string secret(json.root().find("secret").text());
  EXPECT_TRUE(secret.starts_with("whsec_"));
  EXPECT_EQ(json.root().find("repositories").text(), "**");
  EXPECT_EQ(json.root().find("events").elements().size(), 5U);
  const std::string location(made.response.field("Location"));
  for (const std::string& where : {location, std::string(path)}) {
    const Answer shown = get(where, administrator_);
    EXPECT_EQ(shown.status, 200);
    EXPECT_EQ(shown.text.find("secret"), std::string::npos) << shown.text;
  }
}

TEST_F(NotificationRoutesTest, MistakesAreNamed) {
  for (const auto& [body, mistake] : std::vector<std::pair<std::string, std::string>>{
           {"{}", "url"},
           {R"({"url":"ftp://x"})", "url"},
           {R"({"url":"http://ci.example.com/"})", "outgoing.allowed"},
           {R"({"url":"https://127.0.0.1/"})", "outgoing.allowed"},
           {R"({"url":"https://[::ffff:169.254.169.254]/"})", "outgoing.allowed"},
           {R"({"url":"https://x.example.com","events":["ping"]})", "events"},
           {R"({"url":"https://x.example.com","events":["build.exploded"]})", "events[0]"},
           {R"({"url":"https://x.example.com","repositories":""})", "repositories"},
           {R"({"url":"https://x.example.com","secret":"mine"})", "secret"}}) {
    const Answer answer = post(path, body, administrator_);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_NE(answer.text.find(mistake), std::string::npos) << answer.text;
  }
}

TEST_F(NotificationRoutesTest, DeliveriesAreListedShownAndSentAgain) {
  const std::string id = create(R"({"url":"https://ci.example.com","events":["build.queued"]})");
  const std::string build = submit("app/web");
  const std::string base = std::string(path) + "/" + id;
  const Answer list = get(base + "/deliveries?limit=1", administrator_);
  ASSERT_EQ(list.status, 200) << list.text;
  const auto deliveries = list.json();
  const auto first = deliveries.root().find("deliveries").elements()[0];
  EXPECT_EQ(first.find("event").text(), "build.queued");
  EXPECT_EQ(first.find("state").text(), "pending");
  const std::string delivery = base + "/deliveries/" + std::string(first.find("id").text());
  const auto body = json::Document::parse(get(delivery, administrator_).json().root().find("body").text());
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(body->root().find("subject").text(), build);
  EXPECT_EQ(body->root().find("data").find("build").find("state").text(), "queued");
  EXPECT_EQ(post(delivery + "/redeliver", "", administrator_).status, 202);
  EXPECT_EQ(post(base + "/ping", "", administrator_).status, 202);
  EXPECT_EQ(get(base + "/deliveries?after=x", administrator_).status, 400);
  EXPECT_EQ(exchange(*api_, "DELETE", base, {}, bearer(administrator_)).status, 204);
  EXPECT_EQ(get(base + "/deliveries", administrator_).status, 404);
  EXPECT_EQ(get(delivery, administrator_).status, 404);
}

TEST_F(NotificationRoutesTest, OnlyAdministratorsHaveThem) {
  EXPECT_EQ(get(path, builder_).status, 403);
  EXPECT_EQ(post(path, R"({"url":"https://ci.example.com"})", builder_).status, 403);
}

TEST_F(NotificationRoutesTest, AStatusApiInsideIsRefusedWhenTheTriggerIsMade) {
  const Answer answer = post("/api/v1/repositories/app/web/triggers",
                             R"({"provider":"gitea","git":{"url":"https://git.example.com/a/b"},)"
                             R"("status":{"token":"t","api":"http://169.254.169.254/latest"}})",
                             builder_);
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.text.find("status.api"), std::string::npos) << answer.text;
}

}  // namespace
}  // namespace slipway
