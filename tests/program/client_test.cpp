// The subcommands that call a server, against a real one.

#include <sys/stat.h>

#include <algorithm>

#include "json/value.hpp"
#include "tests/program/harness.hpp"

namespace slipway::testing_program {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

json::Document parse(const std::string& text) {
  auto document = json::Document::parse(text);
  if (!document) throw std::runtime_error("no JSON: " + text);
  return std::move(*document);
}

std::string text_of(const json::Document& document, std::string_view member) {
  return std::string(document.root().find(member).text());
}

class Client : public testing::Test {
 protected:
  Ended slipway(std::vector<std::string> arguments, const fs::path& where = {}) {
    return run_slipway(std::move(arguments), server_.client(), where);
  }

  /// The secret of a new token.
  std::string token(const std::string& grant) {
    const Ended made = slipway({"token", "create", "test", "--grant", grant, "--output", "json"});
    EXPECT_EQ(made.status, 0) << made.errors;
    return text_of(parse(made.output), "secret");
  }

  TemporaryFolder folder_;
  ServeProcess server_{folder_ / "data"};
};

TEST_F(Client, AServerThatIsNotThereIsAFailureOfOneLine) {
  const Ended ended = run_slipway({"build", "list", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.output, "");
  EXPECT_THAT(ended.errors, HasSubstr("127.0.0.1:1"));
  EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
}

TEST_F(Client, WithoutATokenOneIsAskedFor) {
  const Ended ended = run_slipway({"build", "list", "--url", server_.url()});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors, HasSubstr("token"));
}

TEST_F(Client, OptionsWinOverTheEnvironment) {
  const Ended ended = run_slipway(
      {"build", "list", "--url", server_.url(), "--token", server_.token()},
      {{"SLIPWAY_URL", "http://127.0.0.1:1"}, {"SLIPWAY_TOKEN", "wrong"}});
  EXPECT_EQ(ended.status, 0) << ended.errors;
}

TEST_F(Client, AnUnknownBuildIsAFailure) {
  const std::string id = "01JDCZ0M4Y7W3Q6S8N2V5X9K1B";
  for (const char* verb : {"show", "logs", "explain", "cancel", "retry"}) {
    const Ended ended = slipway({"build", verb, id});
    EXPECT_EQ(ended.status, 1) << verb;
    EXPECT_THAT(ended.errors, HasSubstr(id)) << verb;
  }
  EXPECT_EQ(slipway({"build", "logs", id, "--follow"}).status, 1);
}

TEST_F(Client, WhyABuildWaitsIsTold) {
  const Ended submitted =
      slipway({"build", "submit", "app/web", "--git", "https://127.0.0.1:1/x", "--not-before",
               "2999-01-01T00:00:00Z", "--output", "json"});
  ASSERT_EQ(submitted.status, 0) << submitted.errors;
  const std::string id = text_of(parse(submitted.output), "id");
  const Ended told = slipway({"build", "explain", id});
  EXPECT_EQ(told.status, 0) << told.errors;
  EXPECT_THAT(told.output, HasSubstr("it was asked to wait until 2999-01-01T00:00:00.000Z"));
  EXPECT_THAT(told.output, HasSubstr("starts      not before 2999-01-01T00:00:00.000Z"));
  EXPECT_THAT(told.output, HasSubstr("local"));
  const json::Document json =
      parse(slipway({"build", "explain", id, "--output", "json"}).output);
  EXPECT_EQ(text_of(json, "reason"), "not_before");
  EXPECT_EQ(json.root().find("tenant").find("name").text(), "app");
  EXPECT_THAT(slipway({"build", "show", id}).output, HasSubstr("waits       it was asked to wait"));
  EXPECT_EQ(slipway({"build", "submit", "app/web", "--git", "https://x/y", "--not-before", "soon"})
                .status,
            2);
  EXPECT_EQ(slipway({"build", "cancel", id}).status, 0);
  EXPECT_THAT(slipway({"build", "explain", id}).output,
              HasSubstr("it does not wait: it is cancelled"));
}

TEST_F(Client, ABuildThatFailsIsFollowedToItsReason) {
  write_file(folder_ / "context/readme", "no Dockerfile here");
  const Ended ended = slipway(
      {"build", "submit", "app/web", "--context", "context", "--follow"}, folder_.path());
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.output, HasSubstr("there is no file \"Dockerfile\""));
  EXPECT_THAT(ended.output, HasSubstr(" failed after "));
  EXPECT_THAT(ended.output, HasSubstr("  waiting "));
  EXPECT_THAT(ended.output, Not(HasSubstr("pull it")));

  const Ended listed = slipway({"build", "list", "app/web", "--state", "failed"});
  EXPECT_EQ(listed.status, 0);
  EXPECT_THAT(listed.output, HasSubstr("app/web"));
  EXPECT_THAT(slipway({"build", "list", "app/other"}).output, Not(HasSubstr("app/web")));

  const std::string id = listed.output.substr(listed.output.find('\n') + 1, 26);
  EXPECT_THAT(slipway({"build", "show", id}).output, HasSubstr("state       failed"));
  EXPECT_THAT(slipway({"build", "logs", id}).output, HasSubstr("Failed: there is no file"));
  EXPECT_EQ(slipway({"build", "logs", id}).status, 0);
  const Ended followed = slipway({"build", "logs", id, "--follow"});
  EXPECT_EQ(followed.status, 1);
  EXPECT_THAT(followed.output, HasSubstr("Failed: there is no file"));
  EXPECT_THAT(followed.output, HasSubstr("\nbuild " + id + " failed after "));
  EXPECT_EQ(slipway({"build", "cancel", id}).status, 1) << "it has ended";
  const Ended again = slipway({"build", "retry", id, "--output", "json"});
  EXPECT_EQ(again.status, 0) << again.errors;
  const std::string second = text_of(parse(again.output), "id");
  EXPECT_NE(second, id);
  EXPECT_EQ(slipway({"build", "logs", second, "--follow"}).status, 1);
}

TEST_F(Client, JsonIsAllThereIsOnStandardOutput) {
  write_file(folder_ / "context/readme", "no Dockerfile here");
  const Ended ended = slipway({"build", "submit", "app/web", "--context", "context", "--tag", "a",
                               "--tag", "b", "--build-arg", "K=V=W", "--build-arg", "L=", "--follow",
                               "--output", "json"},
                              folder_.path());
  EXPECT_EQ(ended.status, 1);
  const json::Document build = parse(ended.output);
  EXPECT_EQ(text_of(build, "state"), "failed");
  EXPECT_EQ(build.root().find("failure").find("class").text(), "user");
  EXPECT_EQ(build.root().find("tags").size(), 2U);
  EXPECT_EQ(build.root().find("args").find("K").text(), "V=W");
  EXPECT_TRUE(build.root().find("args").find("L").is_string());
  EXPECT_THAT(ended.errors, HasSubstr("there is no file \"Dockerfile\""));
}

TEST_F(Client, AContextMayBeATarAndIgnoredFilesStayAtHome) {
  write_file(folder_ / "context/Dockerfile.test", "FROM nothing-at-all:never\n");
  write_file(folder_ / "context/secret", "keep me");
  write_file(folder_ / "context/.dockerignore", "*\n");
  const Ended packed = slipway({"build", "submit", "app/web", "--context", "context", "--file",
                                "Dockerfile.missing", "--follow"},
                               folder_.path());
  EXPECT_EQ(packed.status, 1);
  EXPECT_THAT(packed.output, HasSubstr("Unpacked 1 entries")) << ".dockerignore alone";

  ASSERT_EQ(run({"tar", "-czf", "c.tar.gz", "-C", "context", "."}, {}, folder_.path()).status, 0);
  const Ended tarred = slipway({"build", "submit", "app/web", "--context", "c.tar.gz", "--file",
                                "Dockerfile.missing", "--follow"},
                               folder_.path());
  EXPECT_EQ(tarred.status, 1);
  EXPECT_THAT(tarred.output, HasSubstr("there is no file \"Dockerfile.missing\""));
}

TEST_F(Client, GitOverTheFileSystemIsOffUnlessItIsAllowed) {
  const Ended ended =
      slipway({"build", "submit", "app/web", "--git", "file:///srv/git/web", "--follow"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors + ended.output, HasSubstr("file"));
}

TEST_F(Client, TriggersAreMadeListedAndDeleted) {
  const Ended made = slipway({"trigger", "create", "app/web", "--provider", "github", "--git",
                              "https://example.com/web.git", "--branch", "main|release/.*", "--path",
                              "src/**", "--tag", "{branch}", "--supersede", "--output", "json"});
  ASSERT_EQ(made.status, 0) << made.errors;
  const json::Document trigger = parse(made.output);
  const std::string id = text_of(trigger, "id");
  const std::string secret = text_of(trigger, "secret");
  EXPECT_EQ(text_of(trigger, "hook_url"), server_.url() + "/hooks/" + id);
  EXPECT_FALSE(secret.empty());
  EXPECT_EQ(text_of(trigger, "branches"), "main|release/.*");
  EXPECT_EQ(trigger.root().find("supersede").as_bool(), true);

  const Ended listed = slipway({"trigger", "list", "app/web"});
  EXPECT_EQ(listed.status, 0);
  EXPECT_THAT(listed.output, HasSubstr(id));
  EXPECT_THAT(listed.output, Not(HasSubstr(secret)));
  EXPECT_EQ(slipway({"trigger", "delete", "app/web", id}).output, "trigger " + id + " deleted\n");
  EXPECT_EQ(slipway({"trigger", "delete", "app/web", id}).status, 1);
  EXPECT_THAT(slipway({"trigger", "list", "app/web"}).output, Not(HasSubstr(id)));
}

TEST_F(Client, DeliveriesAreListedAndReplayed) {
  const Ended made = slipway({"trigger", "create", "app/web", "--provider", "gitlab", "--git",
                              "https://example.com/web.git", "--output", "json"});
  const json::Document trigger = parse(made.output);
  const std::string id = text_of(trigger, "id");
  const auto answer =
      ask(server_.url() + "/hooks/" + id,
          {.method = HttpMethod::post,
           .body = "{}",
           .fields = {{"X-Gitlab-Event", "Note Hook"},
                      {"X-Gitlab-Token", text_of(trigger, "secret")}}});
  ASSERT_EQ(answer.status, 200);
  const Ended listed = slipway({"trigger", "deliveries", "app/web", id});
  EXPECT_EQ(listed.status, 0) << listed.errors;
  EXPECT_THAT(listed.output, HasSubstr("ignored: event Note Hook is not a push"));
  const json::Document all =
      parse(slipway({"trigger", "deliveries", "app/web", id, "--output", "json"}).output);
  const std::string delivery(all.root().find("deliveries").elements()[0].find("id").text());
  EXPECT_EQ(slipway({"trigger", "replay", "app/web", id, delivery}).output,
            "ignored: event Note Hook is not a push\n");
  EXPECT_EQ(slipway({"trigger", "replay", "app/web", id, id}).status, 1);
  EXPECT_EQ(slipway({"trigger", "resume", "app/web", id}).output, "trigger " + id + " resumed\n");
}

TEST_F(Client, ATriggersPatternThatDoesNotCompileIsToldInTheServersWords) {
  const Ended ended = slipway({"trigger", "create", "app/web", "--provider", "gitea", "--git",
                               "https://example.com/web.git", "--branch", "("});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors, HasSubstr("branches"));
}

TEST_F(Client, ATokensScopeIsWhatItMayDo) {
  const auto put = [this](const std::string& repository, const std::string& secret) {
    return ask(server_.url() + "/v2/" + repository + "/manifests/v1",
               {.method = HttpMethod::put,
                .token = secret,
                .body = R"({"schemaVersion":2,"manifests":[]})",
                .content_type = "application/vnd.oci.image.index.v1+json"})
        .status;
  };
  const auto get = [this](const std::string& repository, const std::string& secret) {
    return ask(server_.url() + "/v2/" + repository + "/manifests/v1", {.token = secret}).status;
  };
  const std::string pusher = token("app/*=pull,push");
  const std::string puller = token("**=pull");
  EXPECT_EQ(put("app/web", pusher), 201);
  EXPECT_EQ(put("other/web", pusher), 403);
  EXPECT_EQ(put("app/web/deeper", pusher), 403);
  EXPECT_EQ(put("app/web", puller), 403);
  EXPECT_EQ(get("app/web", puller), 200);
  EXPECT_EQ(run_slipway({"token", "list"}, {{"SLIPWAY_URL", server_.url()}, {"SLIPWAY_TOKEN", pusher}})
                .status,
            1);
  EXPECT_EQ(run_slipway({"build", "submit", "app/web", "--git", "https://example.com/x"},
                        {{"SLIPWAY_URL", server_.url()}, {"SLIPWAY_TOKEN", pusher}})
                .status,
            1)
      << "to build is an action of its own";
}

TEST_F(Client, ARevokedTokenIsNoToken) {
  const Ended made =
      slipway({"token", "create", "ci", "--grant", "**=pull", "--expires", "1h", "--output", "json"});
  ASSERT_EQ(made.status, 0) << made.errors;
  const json::Document token = parse(made.output);
  EXPECT_EQ(ask(server_.url() + "/v2/", {.token = text_of(token, "secret")}).status, 200);
  const Ended listed = slipway({"token", "list"});
  EXPECT_THAT(listed.output, HasSubstr("ci"));
  EXPECT_THAT(listed.output, HasSubstr("**=pull"));
  EXPECT_THAT(listed.output, Not(HasSubstr(text_of(token, "secret"))));
  EXPECT_EQ(slipway({"token", "revoke", text_of(token, "id")}).status, 0);
  EXPECT_EQ(ask(server_.url() + "/v2/", {.token = text_of(token, "secret")}).status, 401);
}

/// A certificate for 127.0.0.1 that signed itself.
void make_certificate(const TemporaryFolder& folder) {
  const Ended made = run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                          "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                          "/CN=slipway test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                          "server.key", "-out", "server.pem"},
                         {}, folder.path());
  ASSERT_EQ(made.status, 0) << made.errors;
  write_file(folder / "config.yaml",
             "tls: {certificate: " + (folder / "server.pem").string() +
                 ", key: " + (folder / "server.key").string() + "}\n");
}

TEST(Tls, ClientsTrustWhomTheyAreTold) {
  const TemporaryFolder folder;
  make_certificate(folder);
  ServeProcess server(folder / "data", {"--config", (folder / "config.yaml").string()});
  EXPECT_THAT(server.url(), StartsWith("https://127.0.0.1:"));

  const Ended stranger = run_slipway({"build", "list"}, server.client());
  EXPECT_EQ(stranger.status, 1);
  EXPECT_THAT(stranger.errors, HasSubstr("certificate"));

  EXPECT_EQ(run_slipway({"build", "list", "--ca", (folder / "server.pem").string()}, server.client())
                .status,
            0);
  Environment environment = server.client();
  environment.emplace_back("SSL_CERT_FILE", (folder / "server.pem").string());
  EXPECT_EQ(run_slipway({"build", "list"}, environment).status, 0);

  const Ended missing = run_slipway({"build", "list", "--ca", "none.pem"}, server.client());
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.errors, HasSubstr("none.pem"));
}

TEST(Tls, AWorkerOfThisMachineReachesItsServer) {
  const TemporaryFolder folder;
  make_certificate(folder);
  ServeProcess server(folder / "data", {"--config", (folder / "config.yaml").string()});
  write_file(folder / "context/readme", "no Dockerfile here");
  const Ended ended = run_slipway({"build", "submit", "app/web", "--context", "context", "--follow",
                                   "--ca", (folder / "server.pem").string()},
                                  server.client(), folder.path());
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.output, HasSubstr("there is no file \"Dockerfile\""));
}

TEST(Worker, ATokenThatNobodyKnowsIsAFailure) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data");
  write_file(folder / "token", "slpr_unknown\n");
  const Ended ended = run_slipway({"worker", "--server", server.url(), "--token-file",
                                   (folder / "token").string(), "--once", "--work-dir",
                                   (folder / "work").string()});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors, HasSubstr("token"));
}

TEST(Worker, IdleExitGivesUpAServerThatIsNotThere) {
  const TemporaryFolder folder;
  const Ended ended = run_slipway({"worker", "--server", "http://127.0.0.1:1", "--idle-exit",
                                   "10ms", "--work-dir", (folder / "work").string()},
                                  {{"SLIPWAY_WORKER_TOKEN", "x"}});
  EXPECT_EQ(ended.status, 1);
}

TEST(Worker, SigtermEndsIt) {
  const TemporaryFolder folder;
  ChildProcess worker(slipway_command({"worker", "--server", "http://127.0.0.1:1", "--work-dir",
                                       (folder / "work").string()}),
                      {{"SLIPWAY_WORKER_TOKEN", "x"}});
  ASSERT_TRUE(worker.errors().wait_for("worker started"));
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0);
}

/// The image is a layout of one layer, made by hand.
TEST(Skopeo, PushesAndPullsWithATokenAsPassword) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data");
  const fs::path layout = folder / "image";
  write_file(folder / "root/hello", "hello\n");
  ASSERT_EQ(run({"tar", "-cf", "layer.tar", "-C", "root", "hello"}, {}, folder.path()).status, 0);
  const auto blob = [&](const std::string& bytes) {
    write_file(folder / "blob", bytes);
    const Ended sum = run({"sha256sum", (folder / "blob").string()});
    const std::string hex = sum.output.substr(0, 64);
    write_file(layout / "blobs/sha256" / hex, bytes);
    return "\"digest\":\"sha256:" + hex + "\",\"size\":" + std::to_string(bytes.size());
  };
  const std::string layer_bytes = read_file(folder / "layer.tar");
  const std::string layer = blob(layer_bytes);
  const std::string diff_id = layer.substr(10, 71);
  const std::string config = blob(
      R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[")" +
      diff_id + R"("]}})");
  const std::string manifest = blob(
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)"
      R"({"mediaType":"application/vnd.oci.image.config.v1+json",)" +
      config + R"(},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",)" + layer +
      "}]}");
  write_file(layout / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  write_file(layout / "index.json",
             R"({"schemaVersion":2,"manifests":[{"mediaType":)"
             R"("application/vnd.oci.image.manifest.v1+json",)" +
                 manifest + R"(,"annotations":{"org.opencontainers.image.ref.name":"v1"}}]})");

  const std::string image = "docker://" + server.host() + "/app/web:v1";
  const std::string credentials = "anyone:" + server.token();
  const std::string source = "oci:" + layout.string() + ":v1";
  const Ended refused = run({"skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false",
                             "--dest-creds", "anyone:wrong", source, image});
  EXPECT_NE(refused.status, 0);
  const Ended pushed = run({"skopeo", "copy", "--insecure-policy", "--preserve-digests",
                            "--dest-tls-verify=false", "--dest-creds", credentials, source, image});
  ASSERT_EQ(pushed.status, 0) << pushed.errors;
  const Ended pulled = run({"skopeo", "copy", "--insecure-policy", "--src-tls-verify=false",
                            "--src-creds", credentials, image, "dir:" + (folder / "out").string()});
  ASSERT_EQ(pulled.status, 0) << pulled.errors;
  EXPECT_TRUE(read_file(folder / "out" / diff_id.substr(7)) == layer_bytes) << diff_id;
  const Ended stranger = run({"skopeo", "inspect", "--tls-verify=false", image});
  EXPECT_NE(stranger.status, 0);
}

}  // namespace
}  // namespace slipway::testing_program
