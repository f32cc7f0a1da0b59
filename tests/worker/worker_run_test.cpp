#include "worker/worker_run.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <random>
#include <set>

#include "support/process_tree.hpp"
#include "tests/archive/tar_bytes.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/worker/fake_server.hpp"
#include "worker/build_disk.hpp"
#include "worker/process.hpp"

namespace slipway {
namespace {

using test::FakeServer;
using test::HurriedClock;
using test::tar;
using test::TarEntry;
using test::TemporaryFolder;

namespace fs = std::filesystem;
using Fault = FakeServer::Fault;

const std::string id = "01JDCZ0M4Y7W3Q6S8N2V5X9K1B";

Build build_of_context(const std::string& context) {
  BuildRequest request(RepositoryName::parse("app/web").value(),
                       ContextSource{digest_of(context), "application/x-tar"});
  return Build(id, std::move(request));
}

/// Builds what a test says, and keeps what it was given.
class RecordingBuilder final : public Builder {
 public:
  using Work = std::function<Step<std::vector<BuiltImage>>(const BuildJob&, const BuildLog&,
                                                           const std::stop_token&)>;
  explicit RecordingBuilder(Work work) : work_(std::move(work)) {}

  Step<std::vector<BuiltImage>> build(const BuildJob& job, const BuildLog& log,
                                      std::stop_token stop) override {
    folder = job.work_folder;
    dockerfile = test::read_file(job.source.folder / "Dockerfile");
    return work_(job, log, stop);
  }

  fs::path folder;
  std::string dockerfile;

 private:
  const Work work_;
};

/// An image as buildah leaves it in a folder.
BuiltImage write_image(const fs::path& folder, const std::string& layer,
                       std::string platform = "") {
  const std::string config = "{\"layer\": \"" + layer.substr(0, 10) + "\"}";
  const auto descriptor = [](const std::string& bytes, const char* type) {
    return "{\"mediaType\":\"" + std::string(type) + "\",\"digest\":\"" +
           digest_of(bytes).to_string() + "\",\"size\":" + std::to_string(bytes.size()) + "}";
  };
  for (const std::string& blob : {layer, config})
    test::write_file(folder / digest_of(blob).hex(), blob);
  test::write_file(folder / "manifest.json",
                   "{\"schemaVersion\":2,\"mediaType\":\"application/"
                   "vnd.oci.image.manifest.v1+json\",\"config\":" +
                       descriptor(config, "application/vnd.oci.image.config.v1+json") +
                       ",\"layers\":[" +
                       descriptor(layer, "application/vnd.oci.image.layer.v1.tar+gzip") + "]}");
  return {folder, std::move(platform)};
}

Step<std::vector<BuiltImage>> one_image(const BuildJob& job, const BuildLog& log,
                                        const std::stop_token&) {
  log("building\n");
  return std::vector<BuiltImage>{write_image(job.work_folder / "image", std::string(5000, 'l'))};
}

class WorkerRunTest : public testing::Test {
 protected:
  Result<WorkerOutcome> run(RecordingBuilder& builder, std::stop_token stop = {}) {
    options.server_url = "http://server.test:5000/";
    if (options.registration_token.empty()) options.registration_token = "one-time";
    options.work_folder = folder / "work";
    return WorkerRun(options, server, builder, clock, Log::none()).run(std::move(stop));
  }

  const std::string context = tar(TarEntry{"Dockerfile", '0', "FROM scratch\n"});
  TemporaryFolder folder;
  FakeServer server{build_of_context(context), {"https"}};
  HurriedClock clock;
  WorkerOptions options;

  void SetUp() override { server.context = context; }
};

TEST_F(WorkerRunTest, FetchesBuildsPushesAndReports) {
  RecordingBuilder builder(one_image);
  const auto outcome = run(builder);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(*outcome, WorkerOutcome::succeeded);
  EXPECT_EQ(server.phases,
            (std::vector{BuildPhase::fetching, BuildPhase::building, BuildPhase::pushing}));
  EXPECT_EQ(builder.dockerfile, "FROM scratch\n");
  ASSERT_EQ(server.finished.size(), 1U);
  ASSERT_TRUE(server.finished[0].digest.has_value());
  const std::string digest = server.finished[0].digest->to_string();
  ASSERT_EQ(server.manifests.size(), 1U) << "one name, and that is a digest";
  EXPECT_EQ(server.manifests.begin()->first, digest);
  EXPECT_EQ(digest_of(server.manifests[digest]).to_string(), digest);
  EXPECT_EQ(server.manifest_types[digest], "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(server.blobs.size(), 2U);
  EXPECT_NE(server.log.find("building\n"), std::string::npos);
  EXPECT_EQ(server.log.find("the-worker-token"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(folder / "work")) << "nothing of the build is left";
}

TEST_F(WorkerRunTest, NoSecretReachesTheServer) {
  server.instructions.secrets.files = {{"npm", "hunter2-hunter2\n"}};
  std::map<std::string, std::string> given;
  RecordingBuilder builder([&](const BuildJob& job, const BuildLog& log, const std::stop_token&) {
    given = job.instructions.secrets.files;
    log("npm login --token hunter2-");
    log("hunter2 # the-worker-token\nhunter2-hunte");
    return user_failure("step_failed", "RUN login hunter2-hunter2: exit status 1");
  });
  ASSERT_EQ(run(builder).value(), WorkerOutcome::failed);
  EXPECT_EQ(given.at("npm"), "hunter2-hunter2\n");
  EXPECT_NE(server.log.find("npm login --token *** # ***\nhunter2-hunteFailed: RUN login ***"),
            std::string::npos)
      << server.log;
  EXPECT_EQ(server.log.find("hunter2-hunter2"), std::string::npos);
  EXPECT_EQ(server.finished.at(0).failure->message, "RUN login ***: exit status 1");
}

TEST_F(WorkerRunTest, SeveralPlatformsBecomeAnIndex) {
  RecordingBuilder builder([](const BuildJob& job, const BuildLog&, const std::stop_token&) {
    return std::vector<BuiltImage>{write_image(job.work_folder / "a", "amd", "linux/amd64"),
                                   write_image(job.work_folder / "b", "arm", "linux/arm/v7")};
  });
  ASSERT_EQ(run(builder).value(), WorkerOutcome::succeeded);
  const std::string digest = server.finished.at(0).digest->to_string();
  ASSERT_EQ(server.manifests.size(), 3U);
  EXPECT_EQ(server.manifest_types[digest], "application/vnd.oci.image.index.v1+json");
  const std::string& index = server.manifests[digest];
  EXPECT_NE(index.find(R"("platform":{"architecture":"arm","os":"linux","variant":"v7"})"),
            std::string::npos)
      << index;
  EXPECT_NE(index.find(R"("platform":{"architecture":"amd64","os":"linux"})"), std::string::npos)
      << index;
  for (const auto& [reference, bytes] : server.manifests) {
    if (reference == digest) continue;
    EXPECT_NE(index.find(reference), std::string::npos);
  }
}

TEST_F(WorkerRunTest, EachAnswerMayBeLostOnce) {
  std::set<std::string> seen;
  server.fault = [&seen](std::string_view method, std::string_view path) {
    if (path.ends_with("heartbeat")) return Fault::none;
    return seen.insert(std::string(method) + std::string(path)).second ? Fault::lost_answer
                                                                       : Fault::none;
  };
  RecordingBuilder builder(one_image);
  ASSERT_EQ(run(builder).value(), WorkerOutcome::succeeded);
  EXPECT_GE(server.nonces.size(), 2U);
  EXPECT_EQ(std::set(server.nonces.begin(), server.nonces.end()).size(), 1U)
      << "the same nonce again";
  ASSERT_EQ(server.finished.size(), 2U);
  EXPECT_EQ(server.finished[0].digest, server.finished[1].digest);
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = server.log.find("building\n", at)) != std::string::npos; ++at)
    ++lines;
  EXPECT_EQ(lines, 1U) << server.log;
}

TEST_F(WorkerRunTest, OutlivesItsServer) {
  // Each kind of call finds the server away for some tries, then answered with 503 for some more.
  std::map<std::string, int> tries;
  server.fault = [&tries](std::string_view method, std::string_view path) {
    if (path.ends_with("heartbeat")) return Fault::refused;
    const std::size_t end = std::min(path.find('?'), path.find("uploads/"));
    const int number = ++tries[std::string(method).append(path.substr(0, end))];
    return number <= 3 ? Fault::refused : number <= 6 ? Fault::busy : Fault::none;
  };
  RecordingBuilder builder(one_image);
  ASSERT_EQ(run(builder).value(), WorkerOutcome::succeeded);
}

TEST_F(WorkerRunTest, GivesUpOnAServerThatNeverAnswers) {
  server.fault = [](std::string_view, std::string_view) { return Fault::refused; };
  options.idle_exit = std::chrono::minutes(5);
  RecordingBuilder builder(one_image);
  const auto outcome = run(builder);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code, ErrorCode::unavailable);
}

TEST_F(WorkerRunTest, TokensThatAreUnknownOrUsed) {
  RecordingBuilder builder(one_image);
  options.registration_token = "wrong";
  EXPECT_EQ(run(builder).error().code, ErrorCode::unauthenticated);
  options.registration_token = "one-time";
  server.nonces = {"another-worker-was-here"};
  EXPECT_EQ(run(builder).error().code, ErrorCode::conflict);
}

TEST_F(WorkerRunTest, TheEndOfTheAttemptKillsTheBuild) {
  // A heartbeat is what tells it: the build itself says nothing any more.
  RecordingBuilder builder([this](const BuildJob& job, const BuildLog&,
                                  const std::stop_token& stop) -> Step<std::vector<BuiltImage>> {
    ProcessSpec spec;
    spec.arguments = {
        "sh", "-c",
        "(setsid sh -c 'trap \"\" TERM; sleep 1000; true' &); echo up; sleep 1000; true"};
    spec.environment = {{"PATH", "/usr/bin:/bin"}, {"MARK", job.work_folder.string()}};
    spec.output = [this](std::string_view) {
      const std::lock_guard lock(server.mutex);
      server.over = true;
    };
    const auto end = run_process(spec, stop);
    EXPECT_TRUE(end.ok() && end->cause == ProcessEnd::Cause::stopped);
    return Stopped{};
  });
  const auto outcome = run(builder);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(*outcome, WorkerOutcome::stopped);
  EXPECT_TRUE(server.finished.empty());
  for (const ProcessInfo& process : all_processes())
    EXPECT_NE(process_variable(process.id.pid, "MARK"), builder.folder.string());
}

TEST_F(WorkerRunTest, TheEndOfTheAttemptReachesABuildThatWaitsForItsLog) {
  // The log cannot be sent, the buffer is full, the builder blocks; the heartbeat still gets
  // through.
  server.fault = [this](std::string_view, std::string_view path) {
    if (path.find("/log") == std::string_view::npos) return Fault::none;
    server.over = true;
    return Fault::refused;
  };
  RecordingBuilder builder([](const BuildJob&, const BuildLog& log,
                              const std::stop_token& stop) -> Step<std::vector<BuiltImage>> {
    while (!stop.stop_requested()) log(std::string(100'000, 'x'));
    return Stopped{};
  });
  EXPECT_EQ(run(builder).value(), WorkerOutcome::stopped);
  EXPECT_TRUE(server.finished.empty());
}

TEST_F(WorkerRunTest, ABuildThatPutsTooMuchOnTheDisk) {
  // Held by a file system of that size where the machine lets us, else measured at heartbeats.
  constexpr std::uint64_t limit = std::uint64_t{32} << 20U;
  options.disk = limit;
  RecordingBuilder builder([](const BuildJob& job, const BuildLog&,
                              const std::stop_token& stop) -> Step<std::vector<BuiltImage>> {
    std::ofstream file(job.work_folder / "large", std::ios::binary);
    const std::string piece(1U << 20U, 'x');
    for (std::uint64_t written = 0; written < 2 * limit && file; written += piece.size())
      file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (!file.flush()) return infrastructure_failure("no_space", "it cannot be written");
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, stop, [] { return false; });
    return Stopped{};
  });
  EXPECT_EQ(run(builder).value(), WorkerOutcome::failed);
  ASSERT_EQ(server.finished.size(), 1U);
  const BuildFailure& failure = server.finished.front().failure.value();
  EXPECT_EQ(failure.failure_class, FailureClass::user);
  EXPECT_EQ(failure.reason, "out_of_disk");
  EXPECT_NE(failure.message.find("32 MiB"), std::string::npos) << failure.message;
  EXPECT_TRUE(fs::is_empty(options.work_folder));
}

TEST(BuildDisk, IsAFileSystemOfItsOwnOnlyWhereAllOfItIsThere) {
  EXPECT_EQ(choose_disk_bound({true, true, true}), DiskBound::file_system);
  EXPECT_EQ(choose_disk_bound({false, true, true}), DiskBound::watched);
  EXPECT_EQ(choose_disk_bound({true, false, true}), DiskBound::watched);
  EXPECT_EQ(choose_disk_bound({true, true, false}), DiskBound::watched);
  EXPECT_EQ(choose_disk_bound({}), DiskBound::watched);
}

TEST_F(WorkerRunTest, ABuildThatTakesTooLong) {
  server.instructions.timeout = std::chrono::seconds(90);
  RecordingBuilder builder([](const BuildJob&, const BuildLog&,
                              const std::stop_token& stop) -> Step<std::vector<BuiltImage>> {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, stop, [] { return false; });
    return Stopped{};
  });
  EXPECT_EQ(run(builder).value(), WorkerOutcome::failed);
  ASSERT_EQ(server.finished.size(), 1U);
  ASSERT_TRUE(server.finished[0].failure.has_value());
  EXPECT_EQ(server.finished[0].failure->failure_class, FailureClass::timeout);
  EXPECT_EQ(server.finished[0].failure->message, "the build took longer than 90s");
  EXPECT_TRUE(server.log.ends_with("Failed: the build took longer than 90s\n")) << server.log;
}

TEST_F(WorkerRunTest, AWorkerThatIsToldToStopSaysSoOnce) {
  std::stop_source stop;
  RecordingBuilder builder([&stop](const BuildJob&, const BuildLog&,
                                   const std::stop_token&) -> Step<std::vector<BuiltImage>> {
    stop.request_stop();
    return Stopped{};
  });
  EXPECT_EQ(run(builder, stop.get_token()).value(), WorkerOutcome::stopped);
  ASSERT_EQ(server.finished.size(), 1U);
  EXPECT_EQ(server.finished[0].failure->failure_class, FailureClass::infrastructure);
  EXPECT_EQ(server.finished[0].failure->reason, "worker_stopped");
}

TEST_F(WorkerRunTest, FailuresAreReportedAsTheyAre) {
  RecordingBuilder builder([](const BuildJob&, const BuildLog& log,
                              const std::stop_token&) -> Step<std::vector<BuiltImage>> {
    log("make: *** no rule\n");
    return BuildFailure{FailureClass::user, "step_failed", "RUN make: exit status 2", 2};
  });
  EXPECT_EQ(run(builder).value(), WorkerOutcome::failed);
  ASSERT_EQ(server.finished.size(), 1U);
  EXPECT_EQ(server.finished[0].failure,
            (BuildFailure{FailureClass::user, "step_failed", "RUN make: exit status 2", 2}));
  EXPECT_TRUE(server.log.ends_with("make: *** no rule\nFailed: RUN make: exit status 2\n"))
      << server.log;
  EXPECT_TRUE(server.manifests.empty());
}

TEST_F(WorkerRunTest, AContextThatIsNoTarIsTheUsersFault) {
  server.context = "this is no archive, and it is long enough to be looked at by a reader of tars";
  server.instructions.build = build_of_context(server.context);
  RecordingBuilder builder(one_image);
  EXPECT_EQ(run(builder).value(), WorkerOutcome::failed);
  EXPECT_EQ(server.finished.at(0).failure->reason, "context_invalid");
  EXPECT_EQ(server.finished.at(0).failure->failure_class, FailureClass::user);
}

TEST_F(WorkerRunTest, AContextOfAnotherDigestIsNotBuilt) {
  server.context = tar(TarEntry{"Dockerfile", '0', "FROM evil\n"});
  RecordingBuilder builder(one_image);
  EXPECT_EQ(run(builder).value(), WorkerOutcome::failed);
  EXPECT_EQ(server.finished.at(0).failure->failure_class, FailureClass::infrastructure);
  EXPECT_TRUE(builder.dockerfile.empty());
}

TEST_F(WorkerRunTest, AServerWithoutRoomIsNotTheUsersFault) {
  RecordingBuilder builder(one_image);
  server.blob_status = 507;
  EXPECT_EQ(run(builder).value(), WorkerOutcome::failed);
  EXPECT_EQ(server.finished.at(0).failure->reason, "no_space");
  EXPECT_EQ(server.finished.at(0).failure->failure_class, FailureClass::infrastructure);
}

TEST_F(WorkerRunTest, RefusedPushes) {
  RecordingBuilder builder(one_image);
  server.manifest_status = 413;
  EXPECT_EQ(run(builder).value(), WorkerOutcome::failed);
  EXPECT_EQ(server.finished.at(0).failure->reason, "quota_exceeded");
  EXPECT_EQ(server.finished.at(0).failure->failure_class, FailureClass::user);
  server.nonces.clear();
  server.manifest_status = 403;
  EXPECT_EQ(run(builder).value(), WorkerOutcome::failed);
  EXPECT_EQ(server.finished.at(1).failure->reason, "push_denied");
  EXPECT_EQ(server.finished.at(1).failure->failure_class, FailureClass::infrastructure);
}

TEST_F(WorkerRunTest, TheLogHasNoHoleAndNoRepeatWhateverHappens) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand faults(seed), pieces(seed + 1);
  server.fault = [&faults](std::string_view, std::string_view path) {
    if (path.find("/log") == std::string_view::npos) return Fault::none;
    return static_cast<Fault>(faults() % 4);
  };
  server.log = "of an earlier attempt\n";
  std::string expected;
  RecordingBuilder builder([&](const BuildJob&, const BuildLog& log,
                               const std::stop_token&) -> Step<std::vector<BuiltImage>> {
    for (int i = 0; i < 300; ++i) {
      std::string piece = std::to_string(i) + std::string(pieces() % 20'000, 'x') + "\n";
      log(piece);
      expected += piece;
    }
    return user_failure("enough", "enough");
  });
  EXPECT_EQ(run(builder).value(), WorkerOutcome::failed);
  const std::size_t begin = server.log.find("0x");
  ASSERT_NE(begin, std::string::npos);
  EXPECT_TRUE(server.log.starts_with("of an earlier attempt\n"));
  EXPECT_EQ(server.log.substr(begin), expected + "Failed: enough\n");
}

TEST(LogSender, CutsALogThatIsTooLong) {
  FakeServer server(build_of_context("x"), {});
  HurriedClock clock;
  ServerLink link(server, clock);
  LogSenderOptions options;
  options.url = "http://server.test/worker/v1/builds/" + id + "/log";
  options.token = "the-worker-token";
  options.most_bytes = 10;
  {
    LogSender sender(link, options, [] {});
    sender.append("123456");
    sender.append("789012");
    sender.append("345");
    sender.note("Failed: x");
    EXPECT_TRUE(sender.flush({}));
  }
  EXPECT_EQ(server.log,
            "1234567890\n[the log is too long: the rest of it is left out]\nFailed: x\n");
}

}  // namespace
}  // namespace slipway
