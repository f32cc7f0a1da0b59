// Runs buildah itself, with FROM scratch and a static busybox, so that nothing comes from a
// network.

#include "worker/buildah_builder.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <slipway/support/hasher.hpp>

#include <cstdlib>

#include "json/value.hpp"
#include "support/process_tree.hpp"
#include "support/remove_tree.hpp"
#include "tests/temporary_folder.hpp"
#include "worker/process.hpp"

namespace slipway {
namespace {

using test::read_file;
using test::TemporaryFolder;
using test::write_file;

namespace fs = std::filesystem;

TEST(BuildahSetup, ChosenFromFacts) {
  const BuildahSetup vfs{"vfs", {}, "chroot"};
  const BuildahSetup overlay{"overlay", {}, "chroot"};
  const BuildahSetup fuse{"overlay", {"overlay.mount_program=/usr/bin/fuse-overlayfs"}, "chroot"};
  MachineFacts facts;
  EXPECT_EQ(choose_buildah_setup(facts), vfs);
  facts.root = facts.may_mount = facts.kernel_overlay = true;
  EXPECT_EQ(choose_buildah_setup(facts), overlay);
  facts.isolated = true;  // a user namespace, with a kernel before 5.11
  EXPECT_EQ(choose_buildah_setup(facts), vfs);
  facts.overlay_for_users = true;
  EXPECT_EQ(choose_buildah_setup(facts), overlay);
  facts.isolated = false;
  facts.folder_on_overlay = true;  // in a container, without a volume
  EXPECT_EQ(choose_buildah_setup(facts), vfs);
  facts.fuse_device = facts.fuse_overlayfs = true;
  EXPECT_EQ(choose_buildah_setup(facts), fuse);
  facts.may_mount = false;  // in an unprivileged container
  EXPECT_EQ(choose_buildah_setup(facts), vfs);
  facts.root = false;  // rootless: it mounts in a user namespace of its own
  EXPECT_EQ(choose_buildah_setup(facts), fuse);
  facts.fuse_device = false;
  EXPECT_EQ(choose_buildah_setup(facts), vfs);
}

TEST(BuildahArguments, WhatTheRequestAsksForAndNoSecret) {
  BuildRequest request(RepositoryName::parse("app/web").value(),
                       GitSource{"https://h/a", "main", ""});
  request.target = "final";
  request.args = {{"A", "1"}, {"B", "x=y z"}};
  BuildahCommand command;
  command.setup = {"overlay", {"overlay.mount_program=/usr/bin/fuse-overlayfs"}, "chroot"};
  command.storage = "/w/storage";
  command.auth_file = "/w/auth.json";
  command.context = "/w/source";
  command.dockerfile = "/w/source/Dockerfile";
  command.image = "/w/image/0";
  command.platform = "linux/arm64";
  command.secrets = {{"npm", "/w/secrets/0"}};
  const std::vector<std::string> expected{"buildah",
                                          "--root",
                                          "/w/storage/root",
                                          "--runroot",
                                          "/w/storage/run",
                                          "--storage-driver",
                                          "overlay",
                                          "--storage-opt",
                                          "overlay.mount_program=/usr/bin/fuse-overlayfs",
                                          "build",
                                          "--isolation",
                                          "chroot",
                                          "--authfile",
                                          "/w/auth.json",
                                          "--format",
                                          "oci",
                                          "--retry",
                                          "2",
                                          "--file",
                                          "/w/source/Dockerfile",
                                          "--disable-compression=false",
                                          "--tag",
                                          "dir:/w/image/0",
                                          "--platform",
                                          "linux/arm64",
                                          "--target",
                                          "final",
                                          "--build-arg",
                                          "A=1",
                                          "--build-arg",
                                          "B=x=y z",
                                          "--secret",
                                          "id=npm,src=/w/secrets/0",
                                          "/w/source"};
  EXPECT_EQ(build_arguments(command, request), expected);
  command.layers = true;
  command.cache = "h:5000/app/web/layer-cache";
  const std::vector<std::string> cached = build_arguments(command, request);
  const std::vector<std::string> words{
      "--layers",     "--force-rm=false", "--tag",      "localhost/slipway-build:latest",
      "--cache-from", command.cache,      "--cache-to", command.cache};
  EXPECT_NE(std::search(cached.begin(), cached.end(), words.begin(), words.end()), cached.end());
  EXPECT_EQ(std::find(cached.begin(), cached.end(), "dir:/w/image/0"), cached.end());
  EXPECT_EQ(export_arguments(command).back(), "dir:/w/image/0");
  // base64("worker:tok")
  WorkerInstructions instructions(Build("01JDCZ0M4Y7W3Q6S8N2V5X9K1B", request));
  instructions.registry = "h:5000";
  instructions.token = "tok";
  // base64("ada:pw"); a tenant does not replace the build's token
  instructions.registries = {{"docker.io", "ada", "pw"}, {"h:5000", "eve", "x"}};
  EXPECT_EQ(registry_auth_json(instructions),
            R"({"auths":{"h:5000":{"auth":"d29ya2VyOnRvaw=="},)"
            R"("docker.io":{"auth":"YWRhOnB3"}}})");
}

class BuildahBuilderTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "buildah's chroot isolation is tested as root";
    ASSERT_TRUE(find_program("buildah").has_value()) << "apt install buildah";
    ASSERT_TRUE(fs::exists("/bin/busybox")) << "apt install busybox-static";
    fs::create_directories(source_);
    fs::copy_file("/bin/busybox", source_ / "busybox");
  }
  void TearDown() override { EXPECT_TRUE(remove_tree(folder_ / "work").ok()); }

  Step<std::vector<BuiltImage>> build(const std::string& dockerfile, BuildahSetup setup,
                                      std::stop_token stop = {}) {
    write_file(source_ / "Dockerfile", dockerfile);
    fs::create_directories(folder_ / "work");
    WorkerInstructions instructions(Build("01JDCZ0M4Y7W3Q6S8N2V5X9K1B", request_));
    instructions.token = "the-worker-token";
    instructions.registry = "registry.test:5000";
    instructions.secrets.files = secrets_;
    instructions.layer_cache = layer_cache_;
    const FetchedSource source{source_, "9f3c000000000000000000000000000000000000", ""};
    const BuildJob job{instructions, source, folder_ / "work", "2026-01-02T03:04:05.000Z"};
    return make_buildah_builder({{}, std::move(setup), {}})
        ->build(
            job,
            [this](std::string_view text) {
              log_.append(text);
              on_log_();
            },
            std::move(stop));
  }

  /// The config of the only image.
  json::Document config_of(const BuiltImage& image) {
    auto manifest = json::Document::parse(read_file(image.folder / "manifest.json")).value();
    media_type_ = manifest.root().find("mediaType").text();
    for (json::Value layer : manifest.root().find("layers").elements()) {
      const auto digest = Digest::parse(layer.find("digest").text()).value();
      const std::string bytes = read_file(image.folder / digest.hex());
      EXPECT_EQ(digest_of(bytes), digest);
      EXPECT_TRUE(bytes.starts_with("\x1f\x8b")) << "compressed once, when it is built";
    }
    const auto digest = Digest::parse(manifest.root().find("config").find("digest").text()).value();
    return json::Document::parse(read_file(image.folder / digest.hex())).value();
  }

  TemporaryFolder folder_;
  const fs::path source_ = folder_ / "source";
  BuildRequest request_{RepositoryName::parse("app/web").value(),
                        GitSource{"https://user:pass@example.com/a.git", "main", ""}};
  std::map<std::string, std::string> secrets_;
  std::string layer_cache_;
  std::string log_;
  std::string media_type_;
  std::function<void()> on_log_ = [] {};
  const BuildahSetup vfs_{"vfs", {}, "chroot"};
};

TEST_F(BuildahBuilderTest, BuildsInTheOciFormatWithLabelsAndArguments) {
  request_.args = {{"WORD", "hello"}};
  request_.labels = {{"mine", "1"}, {"org.opencontainers.image.revision", "own"}};
  const auto step = build(
      "FROM scratch\nARG WORD\nCOPY busybox /bin/busybox\n"
      "RUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo $WORD > /word; echo said $WORD\"]\n"
      "CMD [\"/bin/busybox\", \"cat\", \"/word\"]\n",
      vfs_);
  const auto* images = std::get_if<std::vector<BuiltImage>>(&step);
  ASSERT_NE(images, nullptr) << log_;
  ASSERT_EQ(images->size(), 1U);
  const auto config = config_of(images->front());
  EXPECT_EQ(media_type_, "application/vnd.oci.image.manifest.v1+json");
  const json::Value labels = config.root().find("config").find("Labels");
  EXPECT_EQ(labels.find("org.opencontainers.image.source").text(), "https://example.com/a.git");
  EXPECT_EQ(labels.find("org.opencontainers.image.created").text(), "2026-01-02T03:04:05.000Z");
  EXPECT_EQ(labels.find("org.opencontainers.image.revision").text(), "own");
  EXPECT_EQ(labels.find("mine").text(), "1");
  EXPECT_NE(log_.find("said hello"), std::string::npos) << log_;
  EXPECT_EQ(log_.find("the-worker-token"), std::string::npos);
}

TEST_F(BuildahBuilderTest, ASecretIsReadByItsRunAndIsNowhereInTheImage) {
  // "grep -f" has the secret in a file, not in its own arguments.
  secrets_ = {{"npm", "hunter2-hunter2"}, {"other", "x"}};
  const auto step = build(
      "FROM scratch\nCOPY busybox /bin/busybox\n"
      "RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n"
      "RUN --mount=type=secret,id=npm sh -c 'sha256sum </run/secrets/npm; "
      "grep -l -F -f /run/secrets/npm /proc/[0-9]*/cmdline /proc/[0-9]*/environ; true'\n"
      "RUN test ! -s /run/secrets/npm\n",
      vfs_);
  const auto* images = std::get_if<std::vector<BuiltImage>>(&step);
  ASSERT_NE(images, nullptr) << log_;
  const std::string sum = digest_of("hunter2-hunter2").hex();
  EXPECT_NE(log_.find(sum), std::string::npos) << log_;
  EXPECT_EQ(log_.find("/proc/"), log_.find("/proc/[0-9]")) << "on no command line: " << log_;
  EXPECT_EQ(log_.find("/cmdline\n"), std::string::npos) << log_;
  EXPECT_EQ(log_.find("/environ\n"), std::string::npos) << log_;
  for (const auto& file : fs::recursive_directory_iterator(images->front().folder)) {
    const auto unpacked = run_and_capture(
        {{"sh", "-c", "gzip -cdf \"$0\" | grep -c hunter2-hunter2", file.path().string()},
         {{"PATH", "/usr/bin:/bin"}},
         {},
         {},
         {}});
    ASSERT_TRUE(unpacked.ok()) << unpacked.error().message;
    EXPECT_EQ(unpacked->output, "0\n") << file.path();
  }
}

TEST_F(BuildahBuilderTest, DockersFormatWhereTheDockerfileNeedsIt) {
  const auto step =
      build("FROM scratch\nCOPY busybox /b\nHEALTHCHECK CMD [\"/b\", \"true\"]\n", vfs_);
  const auto* images = std::get_if<std::vector<BuiltImage>>(&step);
  ASSERT_NE(images, nullptr) << log_;
  const auto config = config_of(images->front());
  EXPECT_EQ(media_type_, "application/vnd.docker.distribution.manifest.v2+json");
  EXPECT_TRUE(config.root().find("config").find("Healthcheck").is_object());
  EXPECT_NE(log_.find("The Dockerfile uses HEALTHCHECK"), std::string::npos);
}

TEST_F(BuildahBuilderTest, ACacheThatCannotBeWrittenFailsNoBuild) {
  // As buildah 1.28 fails when the registry is away for a moment.
  const fs::path wrapper = folder_ / "wrapper";
  write_file(wrapper / "buildah",
             "#!/bin/sh\ncase \" $* \" in *\" --cache-to \"*)\n"
             "  echo 'Error: failed pushing cache to \"x\": connection refused'; exit 125;;\nesac\n"
             "exec /usr/bin/buildah \"$@\"\n");
  fs::permissions(wrapper / "buildah", fs::perms::owner_all);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (wrapper.string() + ":" + path).c_str(), 1);
  layer_cache_ = "app/web/layer-cache";
  const auto step =
      build("FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"echo\", \"ran\"]\n",
            BuildahSetup{"overlay", {}, "chroot"});
  ::setenv("PATH", path.c_str(), 1);
  const auto* images = std::get_if<std::vector<BuiltImage>>(&step);
  ASSERT_NE(images, nullptr) << log_;
  config_of(images->front());
  EXPECT_NE(log_.find("The layer cache cannot be written"), std::string::npos) << log_;
  EXPECT_NE(log_.find("ran\n"), std::string::npos) << log_;
}

TEST_F(BuildahBuilderTest, AFailingStepIsToldWithItsLine) {
  const auto step = build(
      "FROM scratch\nCOPY busybox /bin/busybox\n\n# three\nRUN [\"/bin/busybox\", \"sh\", \"-c\", "
      "\"exit 42\"]\n",
      vfs_);
  const auto* failure = std::get_if<BuildFailure>(&step);
  ASSERT_NE(failure, nullptr) << log_;
  EXPECT_EQ(failure->failure_class, FailureClass::user);
  EXPECT_EQ(failure->reason, "step_failed");
  EXPECT_EQ(failure->exit_code, 42);
  EXPECT_TRUE(log_.ends_with("Dockerfile:5: RUN /bin/busybox sh -c exit 42: exit status 42\n"))
      << log_;
}

TEST_F(BuildahBuilderTest, TheProbedSetupWorksHere) {
  fs::create_directories(folder_ / "work");
  const BuildahSetup setup = choose_buildah_setup(probe_machine(folder_ / "work"));
  const auto step =
      build("FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"true\"]\n", setup);
  EXPECT_TRUE(std::holds_alternative<std::vector<BuiltImage>>(step))
      << setup.storage_driver << log_;
}

TEST_F(BuildahBuilderTest, StopEndsWhatRunsInARun) {
  std::stop_source stop;
  on_log_ = [&] {
    if (log_.find("it is up") != std::string::npos) stop.request_stop();
  };
  const auto step = build(
      "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"sh\", \"-c\", "
      "\"/bin/busybox setsid /bin/busybox sleep 1000 & echo it 'is' up; /bin/busybox sleep "
      "1000\"]\n",
      choose_buildah_setup(probe_machine(folder_.path())), stop.get_token());
  EXPECT_TRUE(std::holds_alternative<Stopped>(step)) << log_;
  EXPECT_TRUE(descendants(::getpid(), all_processes()).empty());
}

TEST_F(BuildahBuilderTest, NothingOutsideTheSourceIsRead) {
  fs::create_symlink("/etc", source_ / "etc");
  write_file(folder_ / "Dockerfile", "FROM scratch\n");
  fs::create_symlink(folder_ / "Dockerfile", source_ / "Outside");
  const auto reason = [&] {
    const auto step = build("FROM scratch\n", vfs_);
    const auto* failure = std::get_if<BuildFailure>(&step);
    return failure == nullptr ? std::string("built") : failure->reason;
  };
  request_.context = "etc";
  EXPECT_EQ(reason(), "context_missing");
  request_.context = "..";
  EXPECT_EQ(reason(), "context_missing");
  request_.context = "nothing";
  EXPECT_EQ(reason(), "context_missing");
  request_.context = ".";
  for (const char* name : {"Outside", "../Dockerfile", "etc/passwd", "nothing"}) {
    request_.dockerfile = name;
    EXPECT_EQ(reason(), "dockerfile_missing") << name;
  }
}

TEST_F(BuildahBuilderTest, ADockerfileMayStandInTheContextOrInTheRoot) {
  write_file(source_ / "part/file", "x");
  request_.context = "part";
  EXPECT_TRUE(
      std::holds_alternative<std::vector<BuiltImage>>(build("FROM scratch\nCOPY file /f\n", vfs_)))
      << log_;
}

}  // namespace
}  // namespace slipway
