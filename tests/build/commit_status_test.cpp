// The requests of commit statuses, as each provider documents them.

#include "build/commit_status.hpp"

#include <gtest/gtest.h>

#include <string>

#include <slipway/support/hasher.hpp>

#include "json/value.hpp"

namespace slipway {
namespace {

constexpr std::string_view commit = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";
constexpr std::string_view details = "https://registry.example.com/api/v1/builds/01J";

Trigger trigger_of(GitProvider provider, std::string url) {
  TriggerRequest request(*RepositoryName::parse("app/web"));
  request.provider = provider;
  request.git_url = std::move(url);
  request.status_token = "t0ken";
  return Trigger{"01JDCZ0M4Y7W3Q6S8N2V5X9K1B", std::move(request), "secret", {}};
}

Build build_in(BuildState state) {
  Build build("01JDCZ0M4Y7W3Q6S8N2V5X9K1B",
              BuildRequest(*RepositoryName::parse("app/web"),
                           GitSource{"https://git.example.com/a/b.git", "refs/heads/feature/x",
                                     std::string(commit)}));
  build.state = state;
  return build;
}

StatusRequest request_of(const Trigger& trigger, const Build& build) {
  auto request = commit_status_request(trigger, build, details);
  EXPECT_TRUE(request.ok());
  return request ? *request : StatusRequest{};
}

std::string field(const StatusRequest& request, std::string_view name) {
  for (const auto& [known, value] : request.fields)
    if (known == name) return value;
  return "";
}

TEST(CommitStatus, GitHub) {
  Build build = build_in(BuildState::failed);
  build.failure = BuildFailure{FailureClass::user, "step_failed", "RUN make: exit status 2", 2};
  const StatusRequest request =
      request_of(trigger_of(GitProvider::github, "https://github.com/harbour/pager.git"), build);
  EXPECT_EQ(request.url, "https://api.github.com/repos/harbour/pager/statuses/" + std::string(commit));
  EXPECT_EQ(field(request, "Authorization"), "Bearer t0ken");
  EXPECT_EQ(field(request, "Accept"), "application/vnd.github+json");
  EXPECT_EQ(request.body,
            R"({"state":"failure","target_url":"https://registry.example.com/api/v1/builds/01J",)"
            R"("description":"failed: RUN make: exit status 2","context":"slipway/app/web"})");
  EXPECT_EQ(request_of(trigger_of(GitProvider::github, "git@github.example.com:a/b.git"), build).url,
            "https://github.example.com/api/v3/repos/a/b/statuses/" + std::string(commit));
}

TEST(CommitStatus, GitLab) {
  const StatusRequest request = request_of(
      trigger_of(GitProvider::gitlab, "https://me:pw@gitlab.example.com/group/sub/pager.git"),
      build_in(BuildState::running));
  EXPECT_EQ(request.url, "https://gitlab.example.com/api/v4/projects/group%2Fsub%2Fpager/statuses/" +
                             std::string(commit));
  EXPECT_EQ(field(request, "PRIVATE-TOKEN"), "t0ken");
  EXPECT_EQ(request.body,
            R"({"state":"running","ref":"feature/x","name":"slipway/app/web",)"
            R"("target_url":"https://registry.example.com/api/v1/builds/01J","description":"running"})");
}

TEST(CommitStatus, GiteaAndForgejo) {
  const StatusRequest request =
      request_of(trigger_of(GitProvider::gitea, "ssh://git@code.example.com:2222/a/b"),
                 build_in(BuildState::queued));
  EXPECT_EQ(request.url, "https://code.example.com/api/v1/repos/a/b/statuses/" + std::string(commit));
  EXPECT_EQ(field(request, "Authorization"), "token t0ken");
  EXPECT_NE(request.body.find(R"("state":"pending")"), std::string::npos);
}

TEST(CommitStatus, Bitbucket) {
  Build build = build_in(BuildState::succeeded);
  build.digest = digest_of("x");
  const StatusRequest request =
      request_of(trigger_of(GitProvider::bitbucket, "https://bitbucket.org/team/repo.git"), build);
  EXPECT_EQ(request.url, "https://api.bitbucket.org/2.0/repositories/team/repo/commit/" +
                             std::string(commit) + "/statuses/build");
  EXPECT_EQ(field(request, "Authorization"), "Bearer t0ken");
  EXPECT_EQ(request.body, R"({"key":"slipway/app/web","state":"SUCCESSFUL","name":"slipway/app/web",)"
                          R"("url":"https://registry.example.com/api/v1/builds/01J",)"
                          R"("description":"succeeded: )" + build.digest->to_string() + R"("})");
}

TEST(CommitStatus, LongTextsAreCutBetweenCharacters) {
  Build build = build_in(BuildState::failed);
  std::string message = "x";
  for (int i = 0; i < 200; ++i) message += "\xc3\xbc";
  build.failure = BuildFailure{FailureClass::user, "step_failed", message, {}};
  const auto request =
      request_of(trigger_of(GitProvider::github, "https://github.com/a/b"), build);
  const auto body = json::Document::parse(request.body);
  ASSERT_TRUE(body.ok());
  const std::string_view description = body->root().find("description").text();
  EXPECT_LE(description.size(), 140U);
  EXPECT_GE(description.size(), 138U);
  EXPECT_EQ(description.find("\xef\xbf\xbd"), description.npos);
}

TEST(CommitStatus, NamesThatAreTooLongStayDistinct) {
  const Trigger trigger = trigger_of(GitProvider::bitbucket, "https://bitbucket.org/team/repo.git");
  const auto key_of = [&](const std::string& repository) {
    Build build = build_in(BuildState::running);
    build.request.repository = *RepositoryName::parse(repository);
    const auto body = json::Document::parse(request_of(trigger, build).body);
    EXPECT_LE(body->root().find("name").text().size(), 255U);
    return std::string(body->root().find("key").text());
  };
  const std::string team = "team/with-a-name-that-takes-all-the-room/";
  EXPECT_EQ(key_of(team + "web").size(), 40U);
  EXPECT_NE(key_of(team + "web"), key_of(team + "api"));
  EXPECT_EQ(key_of(team + "web"), key_of(team + "web"));
  EXPECT_EQ(key_of(std::string(250, 'a')).size(), 40U);
}

TEST(CommitStatus, AUrlThatNamesNoRepositoryIsAMistake) {
  for (const char* url : {"https://github.com/", "/srv/git/x", "https://github.com/onlyowner"})
    EXPECT_EQ(usual_status_api(GitProvider::github, url).error().code, ErrorCode::invalid_argument)
        << url;
  EXPECT_EQ(usual_status_api(GitProvider::custom, "https://h/a/b").error().code,
            ErrorCode::unsupported);
}

}  // namespace
}  // namespace slipway
