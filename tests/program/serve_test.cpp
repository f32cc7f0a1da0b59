// `slipway serve` as its operator meets it: starting, refusing to start, ending, starting again.

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "tests/program/harness.hpp"

namespace slipway::testing_program {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

/// Every file below a folder with its bytes.
std::map<std::string, std::string> snapshot(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    files[entry.path().string()] = entry.is_regular_file() ? read_file(entry.path()) : "";
  return files;
}

std::string manifest_url(const ServeProcess& server, const std::string& reference) {
  return server.url() + "/v2/app/web/manifests/" + reference;
}

constexpr std::string_view index_type = "application/vnd.oci.image.index.v1+json";
/// An index of no manifests: the least that a tag can name.
constexpr std::string_view empty_index =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";

IncomingResponse put_tag(const ServeProcess& server, const std::string& tag,
                         const std::string& token) {
  Ask put;
  put.method = HttpMethod::put;
  put.token = token;
  put.body = empty_index;
  put.content_type = index_type;
  return ask(manifest_url(server, tag), put);
}

int get_tag(const ServeProcess& server, const std::string& tag, const std::string& token) {
  return ask(manifest_url(server, tag), {.token = token}).status;
}

TEST(Serve, PrintsWhereItListensAndAnswersThere) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data");
  EXPECT_THAT(server.child().output().so_far(),
              MatchesRegex("listening on http://127\\.0\\.0\\.1:[0-9]+\n"));
  EXPECT_EQ(ask(server.url() + "/healthz").status, 200);
  EXPECT_EQ(ask(server.url() + "/readyz").status, 200);
  EXPECT_THAT(ask(server.url() + "/metrics").body, HasSubstr("# TYPE slipway_"));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.child().output().all(), MatchesRegex("listening on [^\n]*\n"));
}

TEST(Serve, LogsOneLineAnEvent) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data");
  EXPECT_EQ(server.stop(), 0);
  std::istringstream log(server.child().errors().all());
  int lines = 0;
  for (std::string line; std::getline(log, line); ++lines)
    EXPECT_THAT(line, testing::ContainsRegex("^[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z "
                                             "(debug|info|warning|error) "));
  EXPECT_GE(lines, 3);
}

TEST(Serve, TheAdministratorsTokenIsReadableByItsOwnerOnly) {
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  ServeProcess server(data);
  struct stat info {};
  ASSERT_EQ(::stat((data / "admin.token").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_THAT(read_file(data / "admin.token"), MatchesRegex("slp_[0-9a-f]{64}\n"));
  EXPECT_TRUE(server.child().errors().wait_for("path=" + (data / "admin.token").string()));
  EXPECT_THAT(server.child().errors().so_far(), testing::Not(HasSubstr(server.token())));
  EXPECT_EQ(ask(server.url() + "/v2/", {.token = server.token()}).status, 200);
  EXPECT_EQ(ask(server.url() + "/v2/", {.token = "slp_" + std::string(64, '0')}).status, 401);
}

TEST(Serve, AStartThatDiedBeforeItsTokenWasWrittenIsMadeGood) {
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  std::string lost;
  {
    ServeProcess server(data);
    lost = server.token();
    server.stop();
  }
  for (const bool written : {false, true}) {
    write_file(data / "admin.token.new", "");
    if (!written) fs::remove(data / "admin.token");
    ServeProcess server(data);
    EXPECT_NE(server.token(), lost);
    EXPECT_FALSE(fs::exists(data / "admin.token.new"));
    EXPECT_EQ(ask(server.url() + "/v2/", {.token = server.token()}).status, 200);
    EXPECT_EQ(ask(server.url() + "/v2/", {.token = lost}).status, 401);
    lost = server.token();
    server.stop();
  }
}

TEST(Serve, ARemovedTokenFileIsNotMadeAgain) {
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  std::string token;
  {
    ServeProcess server(data);
    token = server.token();
    server.stop();
  }
  fs::remove(data / "admin.token");
  ServeProcess server(data);
  EXPECT_FALSE(fs::exists(data / "admin.token"));
  EXPECT_EQ(ask(server.url() + "/v2/", {.token = token}).status, 200);
}

TEST(Serve, ARestartKeepsEverything) {
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  std::string token;
  {
    ServeProcess server(data);
    token = server.token();
    ASSERT_EQ(put_tag(server, "v1", token).status, 201);
    EXPECT_EQ(server.stop(), 0);
  }
  ServeProcess server(data);
  EXPECT_EQ(server.token(), token);
  const IncomingResponse got = ask(manifest_url(server, "v1"), {.token = token});
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, empty_index);
}

TEST(Serve, WhatWasAnsweredSurvivesAKill) {
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  {
    ServeProcess server(data);
    ASSERT_EQ(put_tag(server, "v1", server.token()).status, 201);
    server.child().signal(SIGKILL);
    EXPECT_EQ(server.child().wait(), -SIGKILL);
  }
  ServeProcess server(data);
  EXPECT_EQ(get_tag(server, "v1", server.token()), 200);
}

TEST(Serve, AnonymousNoneAsksForAToken) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data");
  const IncomingResponse refused = ask(server.url() + "/v2/");
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(std::string(refused.field("WWW-Authenticate")), HasSubstr("Bearer realm=\"" + server.url() + "/v2/token\""));
  EXPECT_EQ(put_tag(server, "v1", "").status, 401);
  EXPECT_EQ(put_tag(server, "v1", server.token()).status, 201);
  EXPECT_EQ(get_tag(server, "v1", ""), 401);
  EXPECT_EQ(ask(server.url() + "/api/v1/builds").status, 401);
}

TEST(Serve, AnonymousPullOpensReadingOnly) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data", {"--anonymous", "pull"});
  ASSERT_EQ(put_tag(server, "v1", server.token()).status, 201);
  EXPECT_EQ(get_tag(server, "v1", ""), 200);
  EXPECT_EQ(put_tag(server, "v2", "").status, 401);
  EXPECT_EQ(ask(manifest_url(server, "v1"), {.method = HttpMethod::delete_}).status, 401);
  EXPECT_EQ(ask(server.url() + "/api/v1/builds").status, 401);
}

TEST(Serve, AnonymousPushOpensAllOfTheRegistryAndNothingElse) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data", {"--anonymous", "push"});
  EXPECT_EQ(put_tag(server, "v1", "").status, 201);
  EXPECT_EQ(ask(server.url() + "/v2/_catalog").status, 200);
  EXPECT_EQ(ask(manifest_url(server, "v1"), {.method = HttpMethod::delete_}).status, 202);
  EXPECT_EQ(ask(server.url() + "/api/v1/builds").status, 401);
  EXPECT_EQ(ask(server.url() + "/api/v1/admin/tokens").status, 401);
}

TEST(Serve, FlagsWinOverTheFile) {
  const TemporaryFolder folder;
  write_file(folder / "config.yaml", "listen: 127.0.0.1:1\ndata: " +
                                         (folder / "other").string() + "\nanonymous: push\n");
  ServeProcess server(folder / "data",
                      {"--config", (folder / "config.yaml").string(), "--anonymous", "pull"});
  EXPECT_TRUE(fs::exists(folder / "data"));
  EXPECT_FALSE(fs::exists(folder / "other"));
  EXPECT_EQ(put_tag(server, "v1", "").status, 401);
}

TEST(Serve, APortInUseIsOneLineAndNoFolderIsMade) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data");
  const Ended second = run_slipway({"serve", "--data", (folder / "second").string(), "--listen",
                                    "127.0.0.1:" + std::to_string(server.port())});
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(second.output, "");
  EXPECT_EQ(std::count(second.errors.begin(), second.errors.end(), '\n'), 1) << second.errors;
  EXPECT_THAT(second.errors, HasSubstr(std::to_string(server.port())));
  EXPECT_THAT(second.errors, HasSubstr("in use"));
  EXPECT_FALSE(fs::exists(folder / "second"));
}

TEST(Serve, ADataFolderInUseIsOneLineAndUntouched) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data");
  const auto files = [&] {  // without what the first writes to while it runs
    auto all = snapshot(folder.path());
    for (const char* name : {"data.mdb", "lock.mdb"})
      all.erase((folder / "data" / "metadata" / name).string());
    return all;
  };
  const auto before = files();
  const Ended second = run_slipway(
      {"serve", "--data", (folder / "data").string(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(second.output, "");
  EXPECT_EQ(std::count(second.errors.begin(), second.errors.end(), '\n'), 1) << second.errors;
  EXPECT_THAT(second.errors, HasSubstr((folder / "data").string()));
  EXPECT_EQ(files(), before);
  EXPECT_EQ(ask(server.url() + "/readyz").status, 200);
}

TEST(Serve, ADataFolderOfAnotherVersionIsOneLineAndUntouched) {
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  {
    ServeProcess server(data);
    server.stop();
  }
  write_file(data / "FORMAT", "slipway data folder, format 99\n");
  const auto before = snapshot(data);
  const Ended ended =
      run_slipway({"serve", "--data", data.string(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("99"));
  EXPECT_EQ(snapshot(data), before);
}

TEST(Serve, AFolderOfSomethingElseIsOneLineAndUntouched) {
  const TemporaryFolder folder;
  write_file(folder / "data/thesis.txt", "precious");
  const auto before = snapshot(folder.path());
  const Ended ended = run_slipway(
      {"serve", "--data", (folder / "data").string(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
  EXPECT_EQ(snapshot(folder.path()), before);
}

TEST(Serve, AMissingCertificateIsNamed) {
  const TemporaryFolder folder;
  write_file(folder / "config.yaml", "tls: {certificate: none.pem, key: none.key}\n");
  const Ended ended = run_slipway({"serve", "--config", "config.yaml", "--listen", "127.0.0.1:0"},
                                  {}, folder.path());
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("none.pem"));
  EXPECT_FALSE(fs::exists(folder / "slipway-data"));
}

/// A PATCH of 10 bytes of which the first 5 have arrived: the server waits for the rest.
std::unique_ptr<RawConnection> begin_slow_patch(const ServeProcess& server) {
  const IncomingResponse begun =
      ask(server.url() + "/v2/app/web/blobs/uploads/", {.method = HttpMethod::post});
  EXPECT_EQ(begun.status, 202);
  std::string location(begun.field("Location"));
  if (location.starts_with(server.url())) location = location.substr(server.url().size());
  auto connection = std::make_unique<RawConnection>(server.port());
  connection->send("PATCH " + location + " HTTP/1.1\r\nHost: " + server.host() +
                   "\r\nContent-Type: application/octet-stream\r\nExpect: 100-continue\r\n"
                   "Content-Length: 10\r\n\r\n");
  EXPECT_THAT(connection->receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 100 "));
  connection->send("01234");
  return connection;
}

TEST(Serve, SigtermLetsARunningRequestEnd) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data", {"--anonymous", "push"});
  const auto connection = begin_slow_patch(server);
  server.child().signal(SIGTERM);
  ASSERT_TRUE(server.child().errors().wait_for(" draining"));
  while (RawConnection(server.port()).connected()) {  // until it listens no more
  }
  connection->send("56789");
  EXPECT_THAT(connection->receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(server.child().wait(), 0);
}

TEST(Serve, SigtermWaitsNoLongerThanTheGrace) {
  const TemporaryFolder folder;
  write_file(folder / "config.yaml", "shutdown_grace: 50ms\n");
  ServeProcess server(folder / "data",
                      {"--config", (folder / "config.yaml").string(), "--anonymous", "push"});
  const auto connection = begin_slow_patch(server);
  EXPECT_EQ(server.stop(), 0);
}

TEST(Serve, ASecondSignalEndsItAtOnce) {
  const TemporaryFolder folder;
  write_file(folder / "config.yaml", "shutdown_grace: 7d\n");
  ServeProcess server(folder / "data",
                      {"--config", (folder / "config.yaml").string(), "--anonymous", "push"});
  const auto connection = begin_slow_patch(server);
  server.child().signal(SIGINT);
  ASSERT_TRUE(server.child().errors().wait_for(" draining"));
  server.child().signal(SIGINT);
  EXPECT_EQ(server.child().wait(), 1);
}

TEST(Serve, SighupIsSurvived) {
  const TemporaryFolder folder;
  ServeProcess server(folder / "data");
  server.child().signal(SIGHUP);
  ASSERT_TRUE(server.child().errors().wait_for("configuration not reloaded"));
  EXPECT_EQ(ask(server.url() + "/readyz").status, 200);
  EXPECT_EQ(server.stop(), 0);
}

TEST(Serve, AClosedStandardOutputIsNotTakenByAFile) {
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  ChildProcess server({"sh", "-c",
                       "exec " + program_path() + " serve --listen 127.0.0.1:0 --data '" +
                           data.string() + "' >&-"});
  ASSERT_TRUE(server.errors().wait_for(" listening url="));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  for (const auto& [path, bytes] : snapshot(data))
    EXPECT_EQ(bytes.find("listening on"), std::string::npos) << path;
}

}  // namespace
}  // namespace slipway::testing_program
