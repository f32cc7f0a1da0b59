// Wrong usage is one line on standard error that says what was expected, and exit status 2.

#include <algorithm>

#include "tests/program/harness.hpp"

namespace slipway::testing_program {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Wrong {
  std::string name;  // of the test
  std::vector<std::string> arguments;
  std::string message;  // a part of the line
};

class WrongUsage : public testing::TestWithParam<Wrong> {};

TEST_P(WrongUsage, IsOneLineAndStatusTwo) {
  const TemporaryFolder folder;
  const Ended ended = run_slipway(GetParam().arguments, {}, folder.path());
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(ended.output, "");
  EXPECT_THAT(ended.errors, HasSubstr(GetParam().message));
  EXPECT_THAT(ended.errors, StartsWith("slipway: "));
  EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
  EXPECT_TRUE(ended.errors.ends_with('\n'));
  EXPECT_TRUE(fs::is_empty(folder.path())) << "something was made";
}

const std::string a_server = "http://127.0.0.1:1";

INSTANTIATE_TEST_SUITE_P(
    All, WrongUsage,
    testing::Values(
        Wrong{"nothing", {}, "slipway: expected one of serve, worker, build, trigger, image, notification, "
              "token, gc, scrub, backup, restore, check-config"},
        Wrong{"unknown_command", {"sevre"}, "check-config, got \"sevre\""},
        Wrong{"unknown_flag", {"serve", "--dta", "x"}, "slipway serve: expected one of"},
        Wrong{"unknown_flag_is_named", {"serve", "--dta", "x"}, "got \"--dta\""},
        Wrong{"flag_without_value", {"serve", "--data"}, "--data"},
        Wrong{"flag_twice", {"serve", "--data", "a", "--data", "b"}, "--data"},
        Wrong{"listen", {"serve", "--listen", "nowhere"},
              "--listen: expected HOST:PORT such as 127.0.0.1:5000, got \"nowhere\""},
        Wrong{"listen_port", {"serve", "--listen", "127.0.0.1:70000"},
              "--listen: expected HOST:PORT such as 127.0.0.1:5000, got \"127.0.0.1:70000\""},
        Wrong{"anonymous", {"serve", "--anonymous", "all"},
              "--anonymous: expected none, pull or push, got \"all\""},
        Wrong{"url", {"serve", "--url", "registry.example.com"},
              "--url: expected http:// or https:// and a host, such as "
              "https://registry.example.com, got \"registry.example.com\""},
        Wrong{"config_is_missing", {"serve", "--config", "none.yaml"}, "none.yaml: cannot be read"},
        Wrong{"check_config_without_file", {"check-config"}, "FILE is required"},
        Wrong{"check_config_of_nothing", {"check-config", "none.yaml"},
              "none.yaml: cannot be read"},
        Wrong{"worker_without_server", {"worker"}, "--server is required"},
        Wrong{"worker_without_token", {"worker", "--server", a_server},
              "expected a registration token, by --token-file or SLIPWAY_WORKER_TOKEN"},
        Wrong{"worker_token_file", {"worker", "--server", a_server, "--token-file", "none"},
              "--token-file none: expected a file with a registration token"},
        Wrong{"worker_idle_exit", {"worker", "--server", a_server, "--idle-exit", "10"},
              "--idle-exit: expected a duration such as 30s or 10m, got \"10\""},
        Wrong{"build", {"build"}, "slipway build: expected one of submit, list, show, logs, explain, cancel, retry"},
        Wrong{"build_unknown", {"build", "sumbit"}, "got \"sumbit\""},
        Wrong{"no_server", {"build", "list"}, "expected the server's URL, by --url or SLIPWAY_URL"},
        Wrong{"bad_server", {"build", "list", "--url", "127.0.0.1:5000"},
              "--url: expected http:// or https:// and a host"},
        Wrong{"output", {"build", "list", "--url", a_server, "--output", "xml"},
              "--output: expected text or json, got \"xml\""},
        Wrong{"limit", {"build", "list", "--url", a_server, "--limit", "0"},
              "--limit: expected a whole number from 1 to 1000, got \"0\""},
        Wrong{"state", {"build", "list", "--url", a_server, "--state", "done"},
              "--state: expected a build's state such as queued or failed, got \"done\""},
        Wrong{"show_without_id", {"build", "show", "--url", a_server}, "ID is required"},
        Wrong{"submit_repository",
              {"build", "submit", "App/Web", "--git", "https://x/y", "--url", a_server},
              "repository name \"App/Web\" is not valid"},
        Wrong{"submit_without_source", {"build", "submit", "app/web", "--url", a_server},
              "expected one source: --git URL, --context DIR or --context-digest"},
        Wrong{"submit_with_two_sources",
              {"build", "submit", "app/web", "--git", "https://x/y", "--context", ".", "--url", a_server},
              "expected one source: --git URL, --context DIR or --context-digest"},
        Wrong{"submit_ref_of_a_context",
              {"build", "submit", "app/web", "--context", ".", "--ref", "main", "--url", a_server},
              "--ref and --commit go with --git"},
        Wrong{"submit_ref_and_commit",
              {"build", "submit", "app/web", "--git", "https://x/y", "--ref", "main", "--commit",
               "9f3c", "--url", a_server},
              "expected one of --ref and --commit, got both"},
        Wrong{"submit_build_arg",
              {"build", "submit", "app/web", "--git", "https://x/y", "--build-arg", "KEY", "--url",
               a_server},
              "--build-arg: expected KEY=VALUE, got \"KEY\""},
        Wrong{"submit_tag",
              {"build", "submit", "app/web", "--git", "https://x/y", "--tag", "a b", "--url", a_server},
              "tag \"a b\" is not valid"},
        Wrong{"submit_format",
              {"build", "submit", "app/web", "--git", "https://x/y", "--format", "zip", "--url",
               a_server},
              "--format: expected oci or docker, got \"zip\""},
        Wrong{"submit_priority",
              {"build", "submit", "app/web", "--git", "https://x/y", "--priority", "high", "--url",
               a_server},
              "--priority: expected a whole number, got \"high\""},
        Wrong{"submit_timeout",
              {"build", "submit", "app/web", "--git", "https://x/y", "--timeout", "60", "--url",
               a_server},
              "--timeout: expected a duration such as 90s or 1h, got \"60\""},
        Wrong{"trigger_provider",
              {"trigger", "create", "app/web", "--provider", "svn", "--git", "https://x/y", "--url",
               a_server},
              "--provider: expected github, gitlab, bitbucket, gitea or custom, got \"svn\""},
        Wrong{"trigger_without_git",
              {"trigger", "create", "app/web", "--provider", "github", "--url", a_server},
              "--git is required"},
        Wrong{"token_without_grant", {"token", "create", "ci", "--url", a_server},
              "--grant is required"},
        Wrong{"token_grant", {"token", "create", "ci", "--grant", "app/**=fly", "--url", a_server},
              "--grant: expected PATTERN=ACTIONS with actions of pull, push, delete, build and "
              "admin, such as app/**=pull,push, got \"app/**=fly\""},
        Wrong{"token_grant_without_actions",
              {"token", "create", "ci", "--grant", "app/**", "--url", a_server},
              "got \"app/**\""},
        Wrong{"token_expires",
              {"token", "create", "ci", "--grant", "**=pull", "--expires", "soon", "--url", a_server},
              "--expires: expected a duration such as 12h or 30d, got \"soon\""},
        Wrong{"a_line_break_forges_no_line", {"se\nslipway: forged"}, "got \"se slipway: forged\""}),
    [](const testing::TestParamInfo<Wrong>& tested) { return tested.param.name; });

TEST(Usage, ContextThatIsNothingIsToldBeforeTheServerIsAsked) {
  const TemporaryFolder folder;
  const Ended ended = run_slipway({"build", "submit", "app/web", "--context", "none", "--url", a_server},
                                  {}, folder.path());
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(ended.errors, "slipway: --context none: expected a folder or a tar\n");
}

TEST(Usage, HelpAndVersionAreNoMistakes) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--help"}, {"serve", "--help"}, {"build", "submit", "--help"}}) {
    const Ended ended = run_slipway(arguments);
    EXPECT_EQ(ended.status, 0);
    EXPECT_EQ(ended.errors, "");
    EXPECT_THAT(ended.output, HasSubstr("Usage: slipway"));
  }
  const Ended version = run_slipway({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.output, testing::MatchesRegex("slipway [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(CheckConfig, AGoodFileIsGood) {
  const TemporaryFolder folder;
  write_file(folder / "config.yaml", "listen: 127.0.0.1:5000\n");
  const Ended ended = run_slipway({"check-config", "config.yaml"}, {}, folder.path());
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.output, "config.yaml: good\n");
}

TEST(CheckConfig, AMistakeIsOneLineWithItsPlace) {
  const TemporaryFolder folder;
  write_file(folder / "config.yaml", "builds:\n  backends:\n    - {type: local, slots: ten}\n");
  const std::string line =
      "slipway: config.yaml:3: builds.backends[0].slots: expected a whole number above 0, got "
      "\"ten\"\n";
  const Ended checked = run_slipway({"check-config", "config.yaml"}, {}, folder.path());
  EXPECT_EQ(checked.status, 2);
  EXPECT_EQ(checked.errors, line);
  const Ended served = run_slipway({"serve", "--config", "config.yaml"}, {}, folder.path());
  EXPECT_EQ(served.status, 2);
  EXPECT_EQ(served.errors, line);
}

}  // namespace
}  // namespace slipway::testing_program
