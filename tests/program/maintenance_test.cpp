// Scrub, backup and restore as operators meet them.

#include <slipway/support/hasher.hpp>

#include <fstream>
#include <thread>

#include "json/value.hpp"
#include "tests/program/harness.hpp"

namespace slipway::testing_program {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string large(100'000, 'L');  // a file
const std::string small = "small";      // a row

class MaintenanceCommands : public testing::Test {
 protected:
  Ended slipway(std::vector<std::string> arguments) {
    return run_slipway(std::move(arguments), server_->client(), folder_.path());
  }
  [[nodiscard]] static std::string url_of(const ServeProcess& server, const std::string& bytes) {
    return server.url() + "/v2/app/web/blobs/" + digest_of(bytes).to_string();
  }
  int push(const std::string& bytes) {
    return ask(server_->url() + "/v2/app/web/blobs/uploads/?digest=" + digest_of(bytes).to_string(),
               {.method = HttpMethod::post,
                .token = server_->token(),
                .body = bytes,
                .content_type = "application/octet-stream"})
        .status;
  }
  IncomingResponse get(const std::string& bytes) {
    return ask(url_of(*server_, bytes), {.token = server_->token()});
  }
  int head(const std::string& bytes) {
    return ask(url_of(*server_, bytes), {.method = HttpMethod::head, .token = server_->token()})
        .status;
  }
  /// What is not in a backup, and an operator has kept.
  void put_aside_files(const std::string& token) const {
    write_file(folder_ / "new/admin.token", token + "\n");
    fs::copy_file(folder_ / "data/secret.key", folder_ / "new/secret.key");
  }
  static fs::path file_of(const fs::path& data, const std::string& bytes) {
    const std::string hex = digest_of(bytes).hex();
    return data / "blobs" / hex.substr(0, 2) / ("sha256-" + hex);
  }
  static void flip_a_bit(const fs::path& file) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(1000);
    const char flipped = static_cast<char>(stream.get() ^ 0x10);
    stream.seekp(1000);
    stream.put(flipped);
    ASSERT_TRUE(stream.good());
  }
  /// The gauge follows the commit, on a thread of the store's.
  void wait_for_quarantined(int blobs) {
    const std::string line = "\nslipway_blobs_quarantined " + std::to_string(blobs) + "\n";
    while (ask(server_->url() + "/metrics").body.find(line) == std::string::npos)
      std::this_thread::yield();
  }
  void restart() {
    EXPECT_EQ(server_->stop(), 0);
    server_ = std::make_unique<ServeProcess>(folder_ / "data");
  }

  TemporaryFolder folder_;
  std::unique_ptr<ServeProcess> server_ = std::make_unique<ServeProcess>(folder_ / "data");
};

TEST_F(MaintenanceCommands, AFlippedBitIsFoundToldAndHealed) {
  ASSERT_EQ(push(large), 201);
  ASSERT_EQ(push(small), 201);
  const Ended sound = slipway({"scrub"});
  EXPECT_EQ(sound.status, 0) << sound.errors;
  EXPECT_THAT(sound.output, HasSubstr("read 2 blobs"));
  EXPECT_THAT(sound.output, HasSubstr("all sound"));
  EXPECT_THAT(sound.errors, HasSubstr("scrub: "));

  flip_a_bit(file_of(folder_ / "data", large));
  const Ended found = slipway({"scrub", "--rate", "100MiB"});
  EXPECT_EQ(found.status, 1);
  EXPECT_THAT(found.output, HasSubstr("quarantined " + digest_of(large).to_string()));
  EXPECT_THAT(found.output, HasSubstr("; in app/web\n"));
  EXPECT_THAT(found.output, HasSubstr("1 blobs in quarantine"));
  EXPECT_TRUE(server_->child().errors().wait_for("blob quarantined"));
  wait_for_quarantined(1);
  EXPECT_EQ(head(large), 404);
  const IncomingResponse missing = get(large);
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("BLOB_UNKNOWN"));
  EXPECT_THAT(missing.body, HasSubstr("push it again"));
  EXPECT_EQ(get(small).body, small);
  std::size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "data/quarantine")) {
    ++kept;
    EXPECT_EQ(entry.file_size(), large.size());
  }
  EXPECT_EQ(kept, 1U);

  restart();
  wait_for_quarantined(1);
  EXPECT_EQ(head(large), 404);
  ASSERT_EQ(push(large), 201);
  EXPECT_EQ(head(large), 200);
  EXPECT_TRUE(get(large).body == large);
  EXPECT_EQ(slipway({"scrub"}).status, 0);
  wait_for_quarantined(0);
}

TEST_F(MaintenanceCommands, JsonIsTheOperation) {
  ASSERT_EQ(push(large), 201);
  const Ended ended = slipway({"scrub", "--output", "json"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  const auto operation = json::Document::parse(ended.output);
  ASSERT_TRUE(operation.ok()) << ended.output;
  EXPECT_EQ(operation->root().find("kind").text(), "scrub");
  EXPECT_EQ(operation->root().find("state").text(), "succeeded");
  EXPECT_EQ(operation->root().find("result").find("blobs").as_uint64(), 1U);
  EXPECT_EQ(slipway({"scrub", "--rate", "fast"}).status, 2);
  Environment stranger = server_->client();
  stranger.back().second = "slp_wrong";
  EXPECT_EQ(run_slipway({"scrub"}, stranger).status, 1);
}

TEST_F(MaintenanceCommands, ABackupIsRestoredAndServes) {
  ASSERT_EQ(push(large), 201);
  ASSERT_EQ(push(small), 201);
  const Ended made = slipway({"backup", "backup"});
  ASSERT_EQ(made.status, 0) << made.errors;
  EXPECT_THAT(made.output, HasSubstr("backed up to " + (folder_ / "backup").string()));
  EXPECT_THAT(made.output, HasSubstr("not included: admin.token"));
  EXPECT_FALSE(fs::exists(folder_ / "backup/admin.token"));
  EXPECT_FALSE(fs::exists(folder_ / "backup/secret.key"));
  const Ended again = slipway({"backup", "backup"});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.errors, HasSubstr("it is not empty"));
  EXPECT_EQ(slipway({"backup", (folder_ / "data/backup").string()}).status, 1);
  ASSERT_EQ(push("later"), 201);

  const std::string token = server_->token();
  const Ended restored = run_slipway({"restore", "backup", "--data", "new"}, {}, folder_.path());
  EXPECT_EQ(restored.status, 0) << restored.errors;
  EXPECT_THAT(restored.output, HasSubstr("all sound"));
  EXPECT_THAT(restored.output, HasSubstr("restored to new: 1 objects linked, 0 copied"));
  put_aside_files(token);
  ServeProcess other(folder_ / "new");
  const auto get_there = [&](const std::string& bytes) {
    return ask(url_of(other, bytes), {.token = token});
  };
  EXPECT_TRUE(get_there(large).body == large);
  EXPECT_EQ(get_there(small).body, small);
  EXPECT_EQ(get_there("later").status, 404);
}

TEST_F(MaintenanceCommands, ARestoreNamesWhatIsBrokenAndServesTheRest) {
  ASSERT_EQ(push(large), 201);
  ASSERT_EQ(push(small), 201);
  ASSERT_EQ(slipway({"backup", "backup"}).status, 0);
  const std::string token = server_->token();
  EXPECT_EQ(server_->stop(), 0);
  flip_a_bit(file_of(folder_ / "backup", large));

  const Ended restored = run_slipway({"restore", "backup", "--data", "new"}, {}, folder_.path());
  EXPECT_EQ(restored.status, 1);
  EXPECT_THAT(restored.output, HasSubstr("quarantined " + digest_of(large).to_string()));
  EXPECT_THAT(restored.output, HasSubstr("app/web"));
  put_aside_files(token);
  ServeProcess other(folder_ / "new");
  EXPECT_EQ(ask(url_of(other, large), {.token = token}).status, 404);
  EXPECT_EQ(ask(url_of(other, small), {.token = token}).body, small);

  const Ended full = run_slipway({"restore", "backup", "--data", "new"}, {}, folder_.path());
  EXPECT_EQ(full.status, 1);
  EXPECT_THAT(full.errors, HasSubstr("is not empty"));
  EXPECT_EQ(run_slipway({"restore"}, {}, folder_.path()).status, 2);
}

TEST_F(MaintenanceCommands, TheBackgroundScrubFindsItByItself) {
  ASSERT_EQ(push(large), 201);
  EXPECT_EQ(server_->stop(), 0);
  flip_a_bit(file_of(folder_ / "data", large));
  write_file(folder_ / "config.yaml", "registry: {scrub: {interval: 100ms, rate: 1GiB}}\n");
  server_ = std::make_unique<ServeProcess>(
      folder_ / "data", std::vector<std::string>{"--config", (folder_ / "config.yaml").string()});
  EXPECT_TRUE(server_->child().errors().wait_for("blob quarantined"));
  EXPECT_EQ(head(large), 404);
}

}  // namespace
}  // namespace slipway::testing_program
