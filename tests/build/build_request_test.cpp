#include <gtest/gtest.h>

#include "build/build_json.hpp"

namespace slipway {
namespace {

using testing::HasSubstr;

const RepositoryName repository = RepositoryName::parse("app/web").value();

std::string mistake_of(const std::string& json) {
  const auto request = parse_build_submission(repository, json);
  if (request.ok()) return "(none)";
  EXPECT_EQ(request.error().code, ErrorCode::invalid_argument) << request.error().message;
  return request.error().message;
}

/// A request that is right but for one more member.
std::string with(const std::string& member) {
  return R"({"source":{"git":{"url":"https://git.example.com/a.git"}},)" + member + "}";
}

TEST(BuildRequestJson, TakesEveryMember) {
  const auto request = parse_build_submission(repository, R"({
    "source": {"git": {"url": "https://git.example.com/a.git", "ref": "refs/heads/x"}},
    "context": "sub", "dockerfile": "sub/Containerfile", "target": "final",
    "args": {"VERSION": "1"}, "labels": {"org.example.a": "b"}, "platforms": ["linux/arm64/v8"],
    "tags": ["a", "b"], "format": "oci", "priority": -3, "timeout": "90m"})");
  ASSERT_TRUE(request.ok()) << request.error().message;
  BuildRequest expected(repository, GitSource{"https://git.example.com/a.git", "refs/heads/x", ""});
  expected.context = "sub";
  expected.dockerfile = "sub/Containerfile";
  expected.target = "final";
  expected.args = {{"VERSION", "1"}};
  expected.labels = {{"org.example.a", "b"}};
  expected.platforms = {"linux/arm64/v8"};
  expected.tags = {"a", "b"};
  expected.format = ImageFormat::oci;
  expected.priority = -3;
  expected.timeout = std::chrono::minutes(90);
  EXPECT_EQ(request->request, expected);
  EXPECT_TRUE(request->secrets.empty());
}

TEST(BuildRequestJson, BuildsTheDefaultBranchWhenNoRefIsAsked) {
  const auto request = parse_build_submission(repository, with(R"("timeout": 60)"));
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_EQ(std::get<GitSource>(request->request.source).ref, "HEAD");
  EXPECT_EQ(request->request.timeout, std::chrono::seconds(60));
}

TEST(BuildRequestJson, TakesSecretsAndAContextThatIsThere) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const auto asked = parse_build_submission(
      repository, R"({"source": {"context": {"digest": ")" + digest +
                      R"(", "media_type": "application/gzip"}},
                       "secrets": [{"id": "npm", "value": "aHVudGVyMg=="}, {"id": "e", "value": ""}]})");
  ASSERT_TRUE(asked.ok()) << asked.error().message;
  EXPECT_EQ(std::get<ContextSource>(asked->request.source).digest.to_string(), digest);
  EXPECT_EQ(asked->secrets.files,
            (std::map<std::string, std::string>{{"e", ""}, {"npm", "hunter2"}}));
  EXPECT_THAT(mistake_of(with(R"("secrets": [{"id": "npm"}])")), HasSubstr("value"));
  EXPECT_THAT(mistake_of(with(R"("secrets": [{"id": "npm", "value": "!"}])")),
              HasSubstr("base64"));
  EXPECT_THAT(
      mistake_of(with(R"("secrets": [{"id": "a", "value": ""}, {"id": "a", "value": ""}])")),
      HasSubstr("two secrets"));
  EXPECT_THAT(mistake_of(R"({"source": {"context": {"digest": "sha256:x", "media_type": "a"}}})"),
              HasSubstr("source.context.digest"));
}

TEST(BuildRequestJson, NamesTheMemberThatIsWrong) {
  EXPECT_THAT(mistake_of("{}"), HasSubstr("source"));
  EXPECT_THAT(mistake_of(R"({"source":{}})"), HasSubstr("git or context"));
  EXPECT_THAT(mistake_of(R"({"source":{"git":{}}})"), HasSubstr("source.git.url"));
  EXPECT_THAT(mistake_of(R"({"source":{"git":{"url":7}}})"), HasSubstr("source.git.url"));
  EXPECT_THAT(mistake_of(with(R"("tags": "latest")")), HasSubstr("tags"));
  EXPECT_THAT(mistake_of(with(R"("tags": [".no"])")), HasSubstr("tags"));
  EXPECT_THAT(mistake_of(with(R"("args": {"9x": "1"})")), HasSubstr("args"));
  EXPECT_THAT(mistake_of(with(R"("args": {"A": 1})")), HasSubstr("args"));
  EXPECT_THAT(mistake_of(with(R"("format": "tar")")), HasSubstr("format"));
  EXPECT_THAT(mistake_of(with(R"("priority": 1001)")), HasSubstr("priority"));
  EXPECT_THAT(mistake_of(with(R"("priority": 1.5)")), HasSubstr("priority"));
  EXPECT_THAT(mistake_of(with(R"("timeout": "soon")")), HasSubstr("timeout"));
  EXPECT_THAT(mistake_of(with(R"("timeout": 0)")), HasSubstr("timeout"));
  EXPECT_THAT(mistake_of(with(R"("timeout": "8d")")), HasSubstr("timeout"));
  EXPECT_THAT(mistake_of(with(R"("platforms": ["amd64"])")), HasSubstr("platforms"));
  EXPECT_THAT(mistake_of("[]"), HasSubstr("object"));
}

TEST(BuildRequestJson, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(mistake_of(with(R"("tag": "latest")")), HasSubstr("tag"));
  EXPECT_THAT(mistake_of(R"({"source":{"git":{"url":"https://x.example/a","branch":"b"}}})"),
              HasSubstr("source.git.branch"));
  EXPECT_THAT(mistake_of(with(R"("trigger": {"id": "x", "provider": "github"})")),
              HasSubstr("trigger"));
  EXPECT_THAT(mistake_of(with(R"("state": "succeeded")")), HasSubstr("state"));
}

TEST(BuildRequestJson, RefusesWhatWouldLeaveItsFolderOrLookLikeAnOption) {
  EXPECT_THAT(mistake_of(with(R"("context": "../x")")), HasSubstr("context"));
  EXPECT_THAT(mistake_of(with(R"("context": "/etc")")), HasSubstr("context"));
  EXPECT_THAT(mistake_of(with(R"("context": "a/../../b")")), HasSubstr("context"));
  EXPECT_THAT(mistake_of(with(R"("dockerfile": "-f")")), HasSubstr("dockerfile"));
  EXPECT_THAT(mistake_of(with(R"("target": "--all")")), HasSubstr("target"));
  EXPECT_THAT(
      mistake_of(R"({"source":{"git":{"url":"https://x.example/a","ref":"--upload-pack=x"}}})"),
      HasSubstr("source.git.ref"));
  EXPECT_THAT(mistake_of(R"({"source":{"git":{"url":"ext::sh -c x"}}})"),
              HasSubstr("source.git.url"));
  EXPECT_THAT(mistake_of(R"({"source":{"git":{"url":"https://x.example/a","commit":"main"}}})"),
              HasSubstr("source.git.commit"));
  EXPECT_EQ(mistake_of(with(R"("context": "a..b/c")")), "(none)");
}

}  // namespace
}  // namespace slipway
