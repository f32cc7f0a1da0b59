#include "worker/git_source.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/temporary_folder.hpp"
#include "worker/process.hpp"

namespace slipway {
namespace {

using test::read_file;
using test::TemporaryFolder;

namespace fs = std::filesystem;

class GitSourceTest : public testing::Test {
 protected:
  GitSourceTest() {
    git(folder_.path(), {"init", "-q", "--bare", "-b", "main", bare_.string()});
    git(folder_.path(), {"init", "-q", "-b", "main", tree_.string()});
    for (int i = 1; i <= 3; ++i) {
      test::write_file(tree_ / "file", std::to_string(i));
      git(tree_, {"add", "."});
      git(tree_, {"commit", "-q", "-m", "commit " + std::to_string(i)});
      commits_.push_back(git(tree_, {"rev-parse", "HEAD"}));
    }
    git(tree_, {"tag", "-a", "-m", "v1", "v1", commits_[1]});
    git(tree_, {"push", "-q", bare_.string(), "main", "v1"});
    fs::create_directories(folder_ / "scratch");
  }

  std::string git(const fs::path& folder, std::vector<std::string> arguments) {
    ProcessSpec spec;
    arguments.insert(arguments.begin(), "git");
    spec.arguments = std::move(arguments);
    spec.folder = folder;
    spec.environment = {{"PATH", "/usr/bin:/bin"},
                        {"GIT_CONFIG_GLOBAL", "/dev/null"},
                        {"GIT_AUTHOR_NAME", "A"},
                        {"GIT_AUTHOR_EMAIL", "a@example.com"},
                        {"GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z"},
                        {"GIT_COMMITTER_NAME", "C"},
                        {"GIT_COMMITTER_EMAIL", "c@example.com"},
                        {"GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z"}};
    const auto run = run_and_capture(std::move(spec));
    EXPECT_TRUE(run.ok() && run->end.success()) << (run ? run->output : run.error().message);
    std::string text = run ? run->output : "";
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

  Step<FetchedSource> fetch(const std::string& ref, const std::string& commit,
                            std::vector<std::string> protocols = {"https", "file"}) {
    GitFetch what;
    what.source = {"file://" + bare_.string(), ref, commit};
    what.protocols = std::move(protocols);
    what.folder = folder_ / ("fetched-" + std::to_string(++fetches_));
    what.scratch = folder_ / "scratch";
    return fetch_git_source(what, [this](std::string_view text) { log_.append(text); }, {});
  }

  void expect_commit(const Step<FetchedSource>& step, int number) {
    const auto* source = std::get_if<FetchedSource>(&step);
    ASSERT_NE(source, nullptr) << std::get<BuildFailure>(step).message << log_;
    EXPECT_EQ(source->commit, commits_[static_cast<std::size_t>(number - 1)]);
    EXPECT_EQ(read_file(source->folder / "file"), std::to_string(number));
    EXPECT_EQ(source->created, "2026-01-02T03:04:05.000Z");
    EXPECT_FALSE(fs::exists(source->folder / ".git"));
  }

  void expect_failure(const Step<FetchedSource>& step, FailureClass failure_class,
                      std::string_view reason) {
    const auto* failure = std::get_if<BuildFailure>(&step);
    ASSERT_NE(failure, nullptr);
    EXPECT_EQ(failure->reason, reason) << failure->message << log_;
    EXPECT_EQ(failure->failure_class, failure_class);
  }

  TemporaryFolder folder_;
  const fs::path bare_ = folder_ / "bare.git";
  const fs::path tree_ = folder_ / "tree";
  std::vector<std::string> commits_;
  std::string log_;
  int fetches_ = 0;
};

TEST_F(GitSourceTest, ACommitThatNoRefPointsTo) {
  expect_commit(fetch("", commits_[1]), 2);
}

TEST_F(GitSourceTest, ARefIsResolved) {
  expect_commit(fetch("refs/heads/main", ""), 3);
  expect_commit(fetch("main", ""), 3);
  expect_commit(fetch("refs/tags/v1", ""), 2);
}

TEST_F(GitSourceTest, TheCommitWinsOverItsRef) {
  expect_commit(fetch("refs/heads/main", commits_[0]), 1);
}

TEST_F(GitSourceTest, ServersThatGiveOutOnlyWhatTheyAdvertise) {
  // Protocol version 2 gives out any object; a server may know version 0 only.
  const fs::path wrapper = folder_ / "wrapper";
  test::write_file(wrapper / "git", "#!/bin/sh\nexec /usr/bin/git -c protocol.version=0 \"$@\"\n");
  fs::permissions(wrapper / "git", fs::perms::owner_all);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (wrapper.string() + ":" + path).c_str(), 1);
  expect_commit(fetch("refs/heads/main", commits_[0]), 1);
  expect_commit(fetch("", commits_[1]), 2);
  const auto unknown = fetch("refs/heads/main", std::string(40, 'a'));
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_NE(log_.find("does not give out single commits"), std::string::npos) << log_;
  expect_failure(unknown, FailureClass::user, "commit_not_found");
}

TEST_F(GitSourceTest, WhatIsNotThere) {
  expect_failure(fetch("", std::string(40, 'a')), FailureClass::user, "commit_not_found");
  expect_failure(fetch("refs/heads/nothing", ""), FailureClass::user, "commit_not_found");
  expect_failure(fetch("", "abc123"), FailureClass::user, "commit_not_found");
  fs::remove_all(bare_);
  expect_failure(fetch("refs/heads/main", ""), FailureClass::user, "source_not_found");
}

TEST_F(GitSourceTest, RefsAreNamesAndNothingElse) {
  for (const char* ref :
       {"--upload-pack=touch /tmp/x", "a:b", "+main", "a b", "a..b", "x~1", "a\nb"})
    expect_failure(fetch(ref, ""), FailureClass::user, "commit_not_found");
}

TEST_F(GitSourceTest, OnlyAllowedProtocols) {
  expect_failure(fetch("main", "", {"https", "ssh"}), FailureClass::user, "protocol_not_allowed");
  GitFetch what;
  what.source = {"ext::sh -c id", "main", ""};
  what.protocols = {"https", "ssh", "file"};
  what.folder = folder_ / "ext";
  what.scratch = folder_ / "scratch";
  expect_failure(fetch_git_source(what, [](std::string_view) {}, {}), FailureClass::user,
                 "protocol_not_allowed");
}

TEST_F(GitSourceTest, AnUnreachableHostIsNotTheUsersFault) {
  GitFetch what;
  what.source = {"http://user:pass%77ord@127.0.0.1:1/x.git", "main", ""};
  what.protocols = {"http"};
  what.folder = folder_ / "http";
  what.scratch = folder_ / "scratch";
  const auto step =
      fetch_git_source(what, [this](std::string_view text) { log_.append(text); }, {});
  expect_failure(step, FailureClass::infrastructure, "source_unreachable");
  EXPECT_EQ(log_.find("password"), std::string::npos) << log_;
  EXPECT_EQ(std::get<BuildFailure>(step).message.find("password"), std::string::npos);
}

TEST_F(GitSourceTest, CredentialsAreInAPrivateFileWhileGitRunsAndOnNoCommandLine) {
  const fs::path wrapper = folder_ / "wrapper";
  const std::string seen = (folder_ / "seen").string();
  test::write_file(wrapper / "git",
                   "#!/bin/sh\n{ stat -c %a \"$SLIPWAY_GIT_CREDENTIALS\"; cat "
                   "\"$SLIPWAY_GIT_CREDENTIALS\"; } >" + seen +
                       "\necho \"$@\" >>" + seen + ".arguments; env >>" + seen +
                       ".arguments\nexec /usr/bin/git \"$@\"\n");
  fs::permissions(wrapper / "git", fs::perms::owner_all);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (wrapper.string() + ":" + path).c_str(), 1);
  GitFetch what;
  what.source = {"http://user:pass%77ord@127.0.0.1:1/x.git", "main", ""};
  what.protocols = {"http"};
  what.folder = folder_ / "http";
  what.scratch = folder_ / "scratch";
  fetch_git_source(what, [](std::string_view) {}, {});
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(read_file(seen), "600\nusername=user\npassword=password\n");
  EXPECT_NE(read_file(seen + ".arguments").find("fetch"), std::string::npos);
  EXPECT_EQ(read_file(seen + ".arguments").find("pass%77ord"), std::string::npos);
  EXPECT_EQ(read_file(seen + ".arguments").find("password"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "scratch/git-credentials")) << "it goes after the fetch";
}

TEST_F(GitSourceTest, HooksDoNotRun) {
  const fs::path templates = folder_ / "templates/hooks";
  test::write_file(templates / "post-checkout",
                   "#!/bin/sh\ntouch " + (folder_ / "hooked").string() + "\n");
  fs::permissions(templates / "post-checkout", fs::perms::owner_all);
  ::setenv("GIT_TEMPLATE_DIR", (folder_ / "templates").c_str(), 1);
  expect_commit(fetch("main", ""), 3);
  ::unsetenv("GIT_TEMPLATE_DIR");
  EXPECT_FALSE(fs::exists(folder_ / "hooked"));
}

TEST_F(GitSourceTest, SubmodulesComeAlong) {
  git(tree_, {"-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
              "file://" + bare_.string(), "part"});
  git(tree_, {"commit", "-q", "-m", "with a part"});
  commits_.push_back(git(tree_, {"rev-parse", "HEAD"}));
  const fs::path whole = folder_ / "whole.git";
  git(folder_.path(), {"init", "-q", "--bare", "-b", "main", whole.string()});
  git(tree_, {"push", "-q", whole.string(), "main"});
  GitFetch what;
  what.source = {"file://" + whole.string(), "main", ""};
  what.protocols = {"file"};
  what.folder = folder_ / "with-part";
  what.scratch = folder_ / "scratch";
  const auto step =
      fetch_git_source(what, [this](std::string_view text) { log_.append(text); }, {});
  const auto* source = std::get_if<FetchedSource>(&step);
  ASSERT_NE(source, nullptr) << std::get<BuildFailure>(step).message << log_;
  EXPECT_EQ(read_file(source->folder / "part/file"), "3");
}

TEST_F(GitSourceTest, ASubmoduleMayUseNoOtherProtocol) {
  for (const char* url : {"http://127.0.0.1:1/part.git", "ext::sh -c id"}) {
    const fs::path whole = folder_ / "whole.git";
    fs::remove_all(whole);
    test::write_file(tree_ / ".gitmodules",
               "[submodule \"part\"]\n\tpath = part\n\turl = " + std::string(url) + "\n");
    git(tree_, {"update-index", "--add", "--cacheinfo", "160000," + commits_[0] + ",part"});
    git(tree_, {"add", ".gitmodules"});
    git(tree_, {"commit", "-q", "-m", "with a part"});
    git(folder_.path(), {"init", "-q", "--bare", "-b", "main", whole.string()});
    git(tree_, {"push", "-q", whole.string(), "main"});
    GitFetch what;
    what.source = {"file://" + whole.string(), "main", ""};
    what.protocols = {"file"};
    what.folder = folder_ / "with-part";
    what.scratch = folder_ / "scratch";
    fs::remove_all(what.folder);
    const auto step = fetch_git_source(what, [](std::string_view) {}, {});
    expect_failure(step, FailureClass::user, "submodule_failed");
    EXPECT_NE(std::get<BuildFailure>(step).message.find("not allowed"), std::string::npos)
        << std::get<BuildFailure>(step).message;
  }
}

TEST(GitRedirect, IsFollowedOnTheSameHostOnly) {
  const std::string at(git_discovery);
  const std::string url = "https://git.example.com/old.git";
  EXPECT_EQ(followed(url, "https://git.example.com/new.git" + at), "https://git.example.com/new.git");
  EXPECT_EQ(followed(url, "/new.git" + at), "https://git.example.com/new.git");
  EXPECT_EQ(followed("http://git.example.com:80/a", "https://git.example.com/a" + at),
            "https://git.example.com/a");
  for (const char* elsewhere :
       {"https://169.254.169.254/new.git", "http://git.example.com/new.git", "//evil.example/a",
        "https://git.example.com:8443/new.git", "https://git.example.com@evil.example/a",
        "https://git.example.com.evil.example/a", "file:///etc/a", "ext::sh -c id"})
    EXPECT_EQ(followed(url, elsewhere + at), std::nullopt) << elsewhere;
  EXPECT_EQ(followed(url, "https://git.example.com/login"), std::nullopt);
  EXPECT_EQ(followed("http://[::1]/a", "https://[::2]/a" + at), std::nullopt);
}

TEST(GitUrl, Parts) {
  struct Case {
    const char *text, *url, *user, *password, *protocol;
  };
  const Case cases[] = {
      {"https://example.com/a.git", "https://example.com/a.git", "", "", "https"},
      {"https://u:p%40ss@example.com/a@b.git", "https://example.com/a@b.git", "u", "p@ss", "https"},
      {"https://token@example.com:8443/a", "https://example.com:8443/a", "token", "", "https"},
      {"https://u%0Ahost=evil:p@example.com/a", "https://example.com/a", "", "p", "https"},
      {"ssh://git@example.com/a", "ssh://git@example.com/a", "", "", "ssh"},
      {"git@example.com:a/b.git", "git@example.com:a/b.git", "", "", "ssh"},
      {"/srv/a.git", "/srv/a.git", "", "", "file"},
      {"file:///srv/a.git", "file:///srv/a.git", "", "", "file"},
      {"./a:b", "./a:b", "", "", "file"},
      {"ext::sh -c id", "ext::sh -c id", "", "", "ext"},
  };
  for (const Case& one : cases) {
    const GitUrl parsed = split_git_url(one.text);
    EXPECT_EQ(parsed.url, one.url);
    EXPECT_EQ(parsed.user, one.user) << one.text;
    EXPECT_EQ(parsed.password, one.password) << one.text;
    EXPECT_EQ(parsed.protocol, one.protocol) << one.text;
  }
}

/// Messages of git 2.39.
TEST(GitFailure, WhatItsMessagesMean) {
  struct Case {
    const char* output;
    FailureClass failure_class;
    const char* reason;
  };
  const Case cases[] = {
      {"fatal: remote error: upload-pack: not our ref 1234\n", FailureClass::user,
       "commit_not_found"},
      {"fatal: couldn't find remote ref refs/heads/nope\n", FailureClass::user, "commit_not_found"},
      {"error: Server does not allow request for unadvertised object 6335\n", FailureClass::user,
       "commit_not_found"},
      {"fatal: transport 'file' not allowed\n", FailureClass::user, "protocol_not_allowed"},
      {"fatal: could not read Username for 'http://127.0.0.1:5997': terminal prompts disabled\n",
       FailureClass::user, "source_denied"},
      {"fatal: Authentication failed for 'https://example.com/x.git/'\n", FailureClass::user,
       "source_denied"},
      {"fatal: unable to access 'http://127.0.0.1/x.git/': The requested URL returned error: 403\n",
       FailureClass::user, "source_denied"},
      {"fatal: unable to access 'http://127.0.0.1/x.git/': The requested URL returned error: 301\n",
       FailureClass::user, "source_redirected"},
      {"fatal: repository 'http://127.0.0.1:5997/404/x.git/' not found\n", FailureClass::user,
       "source_not_found"},
      {"fatal: unable to access 'http://127.0.0.1/x.git/': The requested URL returned error: 503\n",
       FailureClass::infrastructure, "source_unreachable"},
      {"fatal: unable to access 'https://x.invalid/': Could not resolve host: x.invalid\n",
       FailureClass::infrastructure, "source_unreachable"},
      {"ssh: connect to host 127.0.0.1 port 5999: Connection refused\nfatal: Could not read from "
       "remote repository.\n\nPlease make sure you have the correct access rights\nand the "
       "repository exists.\n",
       FailureClass::infrastructure, "source_unreachable"},
      {"git@example.com: Permission denied (publickey).\nfatal: Could not read from remote "
       "repository.\n",
       FailureClass::user, "source_denied"},
      {"fatal: write error: No space left on device\n", FailureClass::infrastructure, "no_space"},
      {"fatal: something new\n", FailureClass::infrastructure, "git_failed"},
  };
  for (const Case& one : cases) {
    const BuildFailure failure = classify_git_failure(one.output, "git fetch x");
    EXPECT_EQ(failure.reason, one.reason) << one.output;
    EXPECT_EQ(failure.failure_class, one.failure_class) << one.output;
  }
  EXPECT_EQ(classify_git_failure("remote: hint\nfatal: something new\n", "git fetch x").message,
            "git fetch x: something new");
}

}  // namespace
}  // namespace slipway
