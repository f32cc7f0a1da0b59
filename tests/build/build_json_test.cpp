#include "build/build_json.hpp"

#include <gtest/gtest.h>

#include "json/value.hpp"

namespace slipway {
namespace {

constexpr const char* digest_text =
    "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
constexpr const char* commit_id = "9f3c2e1d4b5a69788796a5b4c3d2e1f00112233a";

Timestamp at(std::string_view text) {
  return parse_rfc3339(text).value();
}

Build full_build() {
  BuildRequest request(RepositoryName::parse("app/web").value(),
                       GitSource{"https://git.example.com/web.git", "refs/heads/main", commit_id});
  request.commit = CommitInfo{commit_id,
                              "Fix the \"pager\"\n",
                              "https://git.example.com/c/9f3c",
                              "2026-11-24T09:00:00+01:00",
                              Person{"Ada", "ada@example.com", "ada", "https://example.com/a.png"},
                              std::nullopt};
  request.trigger = BuildTrigger{"01JDCZ0M4Y7W3Q6S8N2V5X9K1A", "github", "d-1", false};
  request.args = {{"K", "V"}};
  request.platforms = {"linux/amd64"};
  request.tags = {"latest", "main"};
  request.format = ImageFormat::docker;
  request.priority = 7;
  request.timeout = std::chrono::hours(1);
  Build build("01JDCZ0M4Y7W3Q6S8N2V5X9K1B", request);
  build.state = BuildState::failed;
  build.failure = BuildFailure{FailureClass::user, "step_failed", "RUN make: exit status 2", 2};
  build.digest = Digest::parse(digest_text).value();
  build.epoch = 1;
  build.failed_attempts = 1;
  BuildAttempt attempt;
  attempt.number = 1;
  attempt.epoch = 1;
  attempt.backend = "local";
  attempt.worker = "slipway-01jdcz0m4y7w3q6s8n2v5x9k1b-1";
  attempt.outcome = AttemptOutcome::user;
  attempt.reason = "step_failed";
  attempt.times.leased = at("2026-11-24T09:05:03.010Z");
  attempt.times.finished = at("2026-11-24T09:06:00.000Z");
  build.attempts = {attempt};
  build.times = attempt.times;
  build.times.queued = at("2026-11-24T09:05:03.007Z");
  return build;
}

// Written by hand from the description of the interface.
constexpr const char* full_json =
    R"({"id":"01JDCZ0M4Y7W3Q6S8N2V5X9K1B","repository":"app/web","tenant":"app","state":"failed",)"
    R"("failure":{"class":"user","reason":"step_failed","message":"RUN make: exit status 2","exit_code":2},)"
    R"("source":{"git":{"url":"https://git.example.com/web.git","ref":"refs/heads/main",)"
    R"("commit":"9f3c2e1d4b5a69788796a5b4c3d2e1f00112233a"}},)"
    R"("commit":{"id":"9f3c2e1d4b5a69788796a5b4c3d2e1f00112233a","message":"Fix the \"pager\"\n",)"
    R"("url":"https://git.example.com/c/9f3c","timestamp":"2026-11-24T09:00:00+01:00",)"
    R"("author":{"name":"Ada","email":"ada@example.com","username":"ada",)"
    R"("avatar_url":"https://example.com/a.png"}},)"
    R"("trigger":{"id":"01JDCZ0M4Y7W3Q6S8N2V5X9K1A","provider":"github","delivery":"d-1"},)"
    R"("context":".","dockerfile":"Dockerfile","args":{"K":"V"},"platforms":["linux/amd64"],)"
    R"("tags":["latest","main"],"format":"docker","priority":7,"timeout":3600,)"
    R"("digest":"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",)"
    R"("epoch":1,"failed_attempts":1,)"
    R"("attempts":[{"number":1,"epoch":1,"backend":"local",)"
    R"("worker":"slipway-01jdcz0m4y7w3q6s8n2v5x9k1b-1","outcome":"user","reason":"step_failed",)"
    R"("times":{"leased":"2026-11-24T09:05:03.010Z","finished":"2026-11-24T09:06:00.000Z"}}],)"
    R"("times":{"queued":"2026-11-24T09:05:03.007Z","leased":"2026-11-24T09:05:03.010Z",)"
    R"("finished":"2026-11-24T09:06:00.000Z"}})";

TEST(BuildJson, IsTheInterfacesDocument) {
  EXPECT_EQ(to_json(full_build()), full_json);
}

TEST(BuildJson, CanBeReadBack) {
  const auto read = parse_build(full_json);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, full_build());
}

TEST(BuildJson, LeavesOutWhatDoesNotApply) {
  const BuildRequest request(
      RepositoryName::parse("tool").value(),
      ContextSource{Digest::parse(digest_text).value(), "application/x-tar"});
  const Build build("01JDCZ0M4Y7W3Q6S8N2V5X9K1B", request);
  EXPECT_EQ(to_json(build),
            R"({"id":"01JDCZ0M4Y7W3Q6S8N2V5X9K1B","repository":"tool","tenant":"tool",)"
            R"("state":"queued","source":{"context":{"digest":)"
            R"("sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",)"
            R"("media_type":"application/x-tar"}},"context":".","dockerfile":"Dockerfile"})");
  EXPECT_EQ(parse_build(to_json(build)).value(), build);
}

TEST(BuildJson, SaysWhereAContextOfTheRegistryIs) {
  const Digest digest = Digest::parse(digest_text).value();
  const ContextSource source{digest, "application/gzip", RepositoryName::parse("app/src").value(),
                             digest};
  const Build build("01JDCZ0M4Y7W3Q6S8N2V5X9K1B",
                    BuildRequest(RepositoryName::parse("tool").value(), source));
  const std::string json = to_json(build);
  EXPECT_NE(json.find(R"("media_type":"application/gzip","repository":"app/src",)"
                      R"("manifest":"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e7304)"
                      R"(3362938b9824"}})"),
            std::string::npos)
      << json;
  EXPECT_EQ(parse_build(json).value(), build);
}

TEST(BuildJson, KeepsEveryMemberOfASupersededRetry) {
  Build build = full_build();
  build.request.labels = {{"org.example.team", "web"}};
  build.request.target = "final";
  build.request.trigger->supersede = true;
  build.request.commit->committer = Person{"Bob", "", "", ""};
  build.cancel_reason = "superseded";
  build.superseded_by = "01JDCZ0M4Y7W3Q6S8N2V5X9K1C";
  build.phase = BuildPhase::pushing;
  build.not_before = at("2026-11-24T10:00:00.001Z");
  build.times.started = build.times.registered = build.times.fetched = build.times.built =
      build.times.pushed = at("2026-11-24T10:00:00.002Z");
  EXPECT_EQ(parse_build(to_json(build)).value(), build);
}

TEST(BuildJson, PassesOverWhatANewerVersionWrote) {
  std::string newer = full_json;
  newer.insert(1, R"("queue":{"position":3,"why":"x"},)");
  EXPECT_EQ(parse_build(newer).value(), full_build());
}

TEST(BuildJson, NamesTheMemberThatIsWrong) {
  const auto message_of = [](std::string from, std::string to) {
    std::string json = full_json;
    json.replace(json.find(from), from.size(), to);
    const auto read = parse_build(json);
    EXPECT_FALSE(read.ok()) << to;
    if (read.ok()) return std::string();
    EXPECT_EQ(read.error().code, ErrorCode::invalid_argument);
    return read.error().message;
  };
  using testing::HasSubstr;
  EXPECT_THAT(message_of(R"("state":"failed")", R"("state":"done")"), HasSubstr("state"));
  EXPECT_THAT(message_of(R"("class":"user")", R"("class":1)"), HasSubstr("failure"));
  EXPECT_THAT(message_of(R"("digest":"sha256:2c)", R"("digest":"sha256:zz)"), HasSubstr("digest"));
  EXPECT_THAT(message_of(R"("leased":"2026-11-24T09:05:03.010Z","fin)", R"("leased":"noon","fin)"),
              HasSubstr("times.leased"));
  EXPECT_THAT(message_of(R"("repository":"app/web")", R"("repository":"App")"),
              HasSubstr("repository"));
  EXPECT_THAT(message_of(R"("source":{"git")", R"("source":{"svn")"), HasSubstr("source"));
}

}  // namespace
}  // namespace slipway
