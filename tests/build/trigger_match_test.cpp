#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include <slipway/build/trigger.hpp>

#include "build/git_url.hpp"
#include "build/trigger_templates.hpp"

namespace slipway {
namespace {

constexpr std::string_view commit = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";

Trigger trigger_of(TriggerRequest request) {
  request.git_url = "https://git.example.com/pager.git";
  return Trigger{"01JDCZ0M4Y7W3Q6S8N2V5X9K1B", std::move(request), "secret", {}};
}

Trigger usual_trigger() {
  return trigger_of(TriggerRequest(*RepositoryName::parse("app/web")));
}

PushEvent push_of(std::string ref) {
  PushEvent push;
  push.ref = std::move(ref);
  push.commit = commit;
  push.default_branch = "main";
  push.delivery = "d-1";
  return push;
}

std::vector<std::string> tags_of(const Trigger& trigger, const PushEvent& push) {
  const auto decision = match_trigger(trigger, push);
  const auto* request = std::get_if<BuildRequest>(&decision);
  return request != nullptr ? request->tags
                            : std::vector<std::string>{std::get<IgnoredEvent>(decision).reason};
}

std::string reason_of(const Trigger& trigger, const PushEvent& push) {
  const auto decision = match_trigger(trigger, push);
  const auto* ignored = std::get_if<IgnoredEvent>(&decision);
  return ignored != nullptr ? ignored->reason : "";
}

using Tags = std::vector<std::string>;

TEST(MatchTrigger, MakesTheRequestFromTheTriggerAndThePush) {
  Trigger trigger = usual_trigger();
  trigger.request.context = "image";
  trigger.request.dockerfile = "Dockerfile.release";
  PushEvent push = push_of("refs/heads/main");
  push.head = CommitInfo{std::string(commit),
                         "Fix the pager",
                         "https://x",
                         "2026-05-15T17:20:41Z",
                         Person{"Grace Hopper", "grace@example.com", "grace", ""},
                         std::nullopt};
  const auto decision = match_trigger(trigger, push);
  const auto& request = std::get<BuildRequest>(decision);
  EXPECT_EQ(request.repository.str(), "app/web");
  EXPECT_EQ(
      std::get<GitSource>(request.source),
      (GitSource{"https://git.example.com/pager.git", "refs/heads/main", std::string(commit)}));
  EXPECT_EQ(request.commit, push.head);
  EXPECT_EQ(request.trigger, (BuildTrigger{trigger.id, "github", "d-1"}));
  EXPECT_EQ(request.context, "image");
  EXPECT_EQ(request.dockerfile, "Dockerfile.release");
  EXPECT_EQ(request.tags, (Tags{"main", "59b20b8", "latest"}));
}

TEST(MatchTrigger, LatestIsForTheDefaultBranchOnly) {
  const Trigger trigger = usual_trigger();
  EXPECT_EQ(tags_of(trigger, push_of("refs/heads/feature/pager")),
            (Tags{"feature-pager", "59b20b8"}));
  PushEvent unknown = push_of("refs/heads/main");
  unknown.default_branch.clear();
  EXPECT_EQ(tags_of(trigger, unknown), (Tags{"main", "59b20b8"}));
}

TEST(MatchTrigger, APushThatNoTagAppliesToBuildsNothingInsteadOfLatest) {
  Trigger trigger = usual_trigger();
  trigger.request.tags = {"latest"};
  EXPECT_EQ(reason_of(trigger, push_of("refs/heads/feature")),
            "none of the trigger's tags applies to refs/heads/feature");
  EXPECT_EQ(tags_of(trigger, push_of("refs/heads/main")), Tags{"latest"});
}

TEST(MatchTrigger, GitTagsAreBuiltOnlyWhereTheyAreAskedFor) {
  Trigger trigger = usual_trigger();
  EXPECT_EQ(reason_of(trigger, push_of("refs/tags/v1.2")), "tag v1.2: this trigger builds no tags");
  trigger.request.git_tags = "v.*";
  trigger.request.tags = {"{tag}", "{branch}", "{short_sha}", "latest", "stable"};
  EXPECT_EQ(tags_of(trigger, push_of("refs/tags/v1.2")), (Tags{"v1.2", "59b20b8", "stable"}));
  EXPECT_EQ(reason_of(trigger, push_of("refs/tags/1.2")), "tag 1.2 does not match \"v.*\"");
}

TEST(MatchTrigger, BranchPatternsMatchTheWholeName) {
  Trigger trigger = usual_trigger();
  trigger.request.branches = "main|release/.*";
  EXPECT_EQ(tags_of(trigger, push_of("refs/heads/release/1.2")), (Tags{"release-1.2", "59b20b8"}));
  EXPECT_EQ(reason_of(trigger, push_of("refs/heads/mainline")),
            "branch mainline does not match \"main|release/.*\"");
  EXPECT_EQ(reason_of(trigger, push_of("refs/heads/not/release/1")),
            "branch not/release/1 does not match \"main|release/.*\"");
  trigger.request.branches = "";
  EXPECT_EQ(reason_of(trigger, push_of("refs/heads/main")),
            "branch main: this trigger builds no branches");
}

TEST(MatchTrigger, OtherRefsAreIgnored) {
  for (const std::string ref :
       {"refs/pull/1/head", "refs/heads/", "main", "", "refs/notes/commits"})
    EXPECT_EQ(reason_of(usual_trigger(), push_of(ref)),
              "ref " + ref + " is neither a branch nor a tag");
}

TEST(MatchTrigger, SkipMarkersInTheMessage) {
  PushEvent push = push_of("refs/heads/main");
  push.head.emplace();
  for (const std::string marker : {"[skip build]", "[build skip]", "[skip ci]", "[ci skip]"}) {
    push.head->message = "Fix a typo\n\nNothing to see. " + marker;
    EXPECT_EQ(reason_of(usual_trigger(), push), "commit message says " + marker);
  }
  push.head->message = "Fix [Skip CI]";
  EXPECT_EQ(reason_of(usual_trigger(), push), "commit message says [skip ci]");
  push.head->message = "skip ci: say when [skip  ci] is not one";
  EXPECT_EQ(reason_of(usual_trigger(), push), "");
}

TEST(MatchTrigger, Paths) {
  Trigger trigger = usual_trigger();
  trigger.request.paths = {"src/**", "*.toml"};
  PushEvent push = push_of("refs/heads/main");
  push.changed_paths = {"README.md", "docs/src/x"};
  EXPECT_EQ(reason_of(trigger, push), "no changed path matches the trigger's paths");
  push.changed_paths = {"README.md", "src/a/b.c"};
  EXPECT_EQ(reason_of(trigger, push), "");
  push.changed_paths = {"Cargo.toml"};
  EXPECT_EQ(reason_of(trigger, push), "");
  push.changed_paths = {};  // not told: anything may have changed
  EXPECT_EQ(reason_of(trigger, push), "");
}

TEST(MatchTrigger, PathsThatMustNotBeTheOnlyOnes) {
  Trigger trigger = usual_trigger();
  PushEvent push = push_of("refs/heads/main");
  trigger.request.paths = {"!docs/**", "!*.md"};
  push.changed_paths = {"docs/a/b.txt", "README.md"};
  EXPECT_EQ(reason_of(trigger, push), "no changed path matches the trigger's paths");
  push.changed_paths = {"docs/a", "Makefile"};
  EXPECT_EQ(reason_of(trigger, push), "");
  trigger.request.paths = {"!src/test/**", "src/**"};
  push.changed_paths = {"src/test/x.c", "Makefile"};
  EXPECT_EQ(reason_of(trigger, push), "no changed path matches the trigger's paths");
  push.changed_paths = {"src/test/x.c", "src/x.c"};
  EXPECT_EQ(reason_of(trigger, push), "");
}

TEST(MatchTrigger, APatternThatWouldBacktrackDoesNot) {
  Trigger trigger = usual_trigger();
  trigger.request.branches = "(([a-z]+)+)+";
  EXPECT_NE(reason_of(trigger, push_of("refs/heads/" + std::string(5000, 'a') + "!")), "");
}

TEST(TagTemplate, Table) {
  struct Row {
    std::string_view tag_template;
    std::string ref;
    std::string expected;  // empty: does not apply
  };
  const std::string long_name(300, 'b');
  const Row rows[] = {
      {"{branch}", "refs/heads/main", "main"},
      {"{branch}", "refs/heads/feature/a b", "feature-a-b"},
      {"{branch}", "refs/heads/Fix#12@home", "Fix-12-home"},
      {"{branch}",
       "refs/heads/gr\xc3\xb6\xc3\x9f"
       "e",
       "gr--e"},
      {"{branch}",
       "refs/heads/\xc3\xbc"
       "ber",
       "_ber"},
      {"{branch}", "refs/heads/.x", "_x"},
      {"{branch}", "refs/heads/" + long_name, std::string(128, 'b')},
      {"{branch}-{short_sha}", "refs/heads/" + long_name, std::string(120, 'b') + "-59b20b8"},
      {"{branch}", "refs/tags/v1", ""},
      {"{tag}", "refs/tags/v1+build", "v1-build"},
      {"{tag}", "refs/heads/main", ""},
      {"{short_sha}", "refs/heads/main", "59b20b8"},
      {"release-{tag}", "refs/tags/1.0", "release-1.0"},
      {"latest", "refs/heads/main", "latest"},
      {"latest", "refs/heads/other", ""},
      {"latest", "refs/tags/main", ""},
      {"stable", "refs/tags/v1", "stable"},
      {"{other}", "refs/heads/main", ""},
  };
  for (const Row& row : rows)
    EXPECT_EQ(expand_tag_template(row.tag_template, push_of(row.ref)).value_or(""), row.expected)
        << row.tag_template << " of " << row.ref;
}

TEST(TagTemplate, AnUnknownOrUselessOneIsRefused) {
  for (const std::string_view good :
       {"{branch}", "{tag}", "{short_sha}", "latest", "v{tag}", "_x.y-z"})
    EXPECT_TRUE(check_tag_template(good).ok()) << good;
  for (const std::string_view bad :
       {"", "{sha}", "{branch", "a b", "-x", ".x", "a/b", "{branch}{tag}", "}", "x:{branch}"})
    EXPECT_FALSE(check_tag_template(bad).ok()) << bad;
  EXPECT_FALSE(check_tag_template(std::string(101, 'a')).ok());
  EXPECT_EQ(check_tag_template("{sha}").error().message,
            "tag template \"{sha}\": {sha} is unknown; use {branch}, {tag} or {short_sha}");
}

TEST(GitUrl, ProtocolTable) {
  struct Row {
    std::string_view url;
    std::string_view protocol;  // empty: refused
  };
  constexpr Row rows[] = {
      {"https://github.com/a/b.git", "https"},
      {"http://h/x", "http"},
      {"ssh://git@host:22/x", "ssh"},
      {"git@github.com:a/b.git", "ssh"},
      {"host:path", "ssh"},
      {"git://host/x", "git"},
      {"file:///srv/x.git", "file"},
      {"/srv/x.git", "file"},
      {"./a:b", "file"},
      {"../x", "file"},
      {"ext::sh -c evil", ""},
      {"ext::sh", ""},
      {"fd::3", ""},
      {"ftp://host/x", ""},
      {"HTTPS://host/x", ""},
      {"--upload-pack=evil", ""},
      {"ssh://-oProxyCommand=evil/x", ""},
      {"https://", ""},
      {"https:///x", ""},
      {"", ""},
      {"https://h/a b", ""},
      {"https://h/a\nb", ""},
  };
  for (const Row& row : rows) {
    const auto protocol = git_protocol(row.url);
    EXPECT_EQ(protocol ? *protocol : "", row.protocol) << row.url;
  }
}

TEST(GitUrl, TheServerSaysWhichProtocols) {
  const std::vector<std::string> allowed{"https", "ssh"};
  EXPECT_TRUE(check_git_url("https://h/x", allowed).ok());
  const auto refused = check_git_url("file:///x", allowed);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(refused.error().message,
            "git URL \"file:///x\": protocol file is not allowed on this server; allowed: https, "
            "ssh (builds.git_protocols)");
}

}  // namespace
}  // namespace slipway
