#include <slipway/registry/scrub.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include <slipway/registry/registry.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

#include "json/value.hpp"
#include "registry/rows.hpp"
#include "tests/build/wait_for.hpp"
#include "tests/registry/store_damage.hpp"
#include "tests/storage/random_seed.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
const std::string large(100'000, 'L');  // an object

std::string descriptor(std::string_view type, std::string_view bytes) {
  return R"({"mediaType":")" + std::string(type) + R"(","digest":")" +
         digest_of(bytes).to_string() + R"(","size":)" + std::to_string(bytes.size()) + "}";
}

std::string image_of(std::string_view layer) {
  return R"({"schemaVersion":2,"mediaType":")" + manifest_type + R"(","config":)" +
         descriptor("application/vnd.oci.image.config.v1+json", "{}") + R"(,"layers":[)" +
         descriptor("application/vnd.oci.image.layer.v1.tar", layer) + "]}";
}

/// A run that counts, and that the test may cancel.
class CountedRun final : public OperationRun {
 public:
  void count(std::string_view name, std::uint64_t done, std::optional<std::uint64_t>) override {
    counts.change([&](auto& all) { all[std::string(name)] = done; });
    if (name == "blobs" && done == stop_after_blobs) stop.request_stop();
  }
  [[nodiscard]] std::stop_token stop_token() const noexcept override { return stop.get_token(); }

  std::stop_source stop;
  std::uint64_t stop_after_blobs = 0;  // 0: goes on
  test::Told<std::map<std::string, std::uint64_t>> counts;
};

/// On disk when the parameter says so, else in memory.
class ScrubTest : public testing::TestWithParam<bool> {
 protected:
  static RepositoryName name(std::string_view text) { return *RepositoryName::parse(text); }
  static Reference reference(std::string_view text) { return *parse_reference(text); }

  void put(std::string_view repository, std::string_view bytes) {
    const auto put = registry_->put_blob(name(repository), digest_of(bytes), bytes);
    EXPECT_TRUE(put.ok()) << (put.ok() ? "" : put.error().message);
  }
  /// An image of one large layer in app/web, tagged v1.
  void put_image() {
    put("app/web", "{}");
    put("app/web", large);
    ASSERT_TRUE(put_manifest().ok());
  }
  Result<Registry::PutManifest> put_manifest() {
    return registry_->put_manifest(name("app/web"), reference("v1"), image_of(large),
                                   manifest_type);
  }
  Result<BlobInfo> stat(std::string_view repository, std::string_view bytes) {
    return registry_->stat_blob(name(repository), digest_of(bytes));
  }
  std::string read(std::string_view repository, std::string_view bytes) {
    const auto blob = registry_->open_blob(name(repository), digest_of(bytes));
    if (!blob) return std::string(to_string(blob.error().code));
    return *blobs_.read(digest_of(bytes), 1'000'000);
  }
  ScrubReport scrub_all(const ScrubOptions& options = {}) {
    CountedRun run;
    const auto report = scrub(parts_, options, run);
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().message);
    return report ? *report : ScrubReport();
  }
  void erase(std::string_view key) {
    ASSERT_TRUE(blobs_.metadata()
                    .write([&](WriteTransaction& transaction) -> Result<void> {
                      SLIPWAY_TRY(const bool there, transaction.erase(key));
                      EXPECT_TRUE(there);
                      return {};
                    })
                    .ok());
  }

  const test::TemporaryFolder folder_;
  const std::unique_ptr<Stores> stores_ =
      GetParam() ? *open_stores(folder_.path() / "data") : make_memory_stores();
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.007Z")};
  BlobStore blobs_{stores_->metadata(), stores_->objects(), clock_};
  std::unique_ptr<Registry> registry_ = *open_registry(blobs_, clock_);
  const ScrubParts parts_{blobs_, clock_, Log::none(), Metrics::none()};
};

TEST_P(ScrubTest, ASoundStoreIsSound) {
  put_image();
  const ScrubReport report = scrub_all();
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.blobs, 3U) << "the config, the layer and the manifest";
  EXPECT_EQ(report.bytes, 2 + large.size() + image_of(large).size());
  EXPECT_GE(report.rows, 12U);
  EXPECT_THAT(report.damaged_blobs, IsEmpty());
  EXPECT_THAT(report.broken, IsEmpty());
}

TEST_P(ScrubTest, AFlippedBitGoesIntoQuarantineAndANewPushHeals) {
  for (const std::string& bytes : {large, std::string("small")}) {
    put("app/web", bytes);
    ASSERT_TRUE(
        registry_->mount_blob(name("app/api"), name("app/web"), digest_of(bytes)).ok());
    test::flip_a_bit(blobs_, digest_of(bytes));
    std::string damaged = bytes;
    damaged[bytes.size() / 2] ^= 0x10;

    const ScrubReport report = scrub_all();
    EXPECT_EQ(report.quarantined, 1U);
    EXPECT_EQ(report.broken_rows, 0U) << "that it is in quarantine is known";
    ASSERT_EQ(report.damaged_blobs.size(), 1U);
    const DamagedBlob& found = report.damaged_blobs.front();
    EXPECT_EQ(found.digest, digest_of(bytes));
    EXPECT_EQ(found.size, bytes.size());
    EXPECT_THAT(found.why, HasSubstr(digest_of(damaged).to_string()));
    EXPECT_THAT(found.repositories, ElementsAre("app/api", "app/web"));
    EXPECT_TRUE(test::bytes_aside(blobs_, found.kept_as) == damaged);

    for (const char* repository : {"app/web", "app/api"}) {
      const auto there = stat(repository, bytes);
      ASSERT_FALSE(there.ok()) << "a client that asks has to push it again";
      EXPECT_EQ(there.error().code, ErrorCode::not_found);
      EXPECT_THAT(there.error().message, HasSubstr("push it again"));
      EXPECT_EQ(read(repository, bytes), "not_found");
    }
    EXPECT_FALSE(
        registry_->mount_blob(name("app/other"), name("app/web"), digest_of(bytes)).ok());
    ASSERT_EQ(blobs_.quarantined()->size(), 1U);
    EXPECT_TRUE(scrub_all().clean()) << "it is told once";

    put("app/web", bytes);
    for (const char* repository : {"app/web", "app/api"}) {
      EXPECT_TRUE(stat(repository, bytes).ok());
      EXPECT_TRUE(read(repository, bytes) == bytes);
    }
    EXPECT_TRUE(blobs_.quarantined()->empty());
    EXPECT_TRUE(scrub_all().clean());
  }
}

TEST_P(ScrubTest, ADamagedManifestIsHealedByTheSamePush) {
  put_image();
  const Digest digest = digest_of(image_of(large));
  test::flip_a_bit(blobs_, digest);
  EXPECT_EQ(scrub_all().quarantined, 1U);
  for (const char* by : {"v1", "digest"}) {
    const Reference which = by == std::string("v1") ? reference("v1") : Reference(digest);
    const auto head = registry_->stat_manifest(name("app/web"), which);
    ASSERT_FALSE(head.ok());
    EXPECT_EQ(head.error().code, ErrorCode::not_found);
    std::string bytes;
    const auto get = registry_->read_manifest(name("app/web"), which, bytes);
    ASSERT_FALSE(get.ok());
    EXPECT_EQ(get.error().code, ErrorCode::not_found);
  }
  ASSERT_TRUE(put_manifest().ok());
  std::string bytes;
  ASSERT_TRUE(registry_->read_manifest(name("app/web"), reference("v1"), bytes).ok());
  EXPECT_EQ(bytes, image_of(large));
  EXPECT_TRUE(blobs_.quarantined()->empty());
  EXPECT_TRUE(scrub_all().clean());
}

TEST_P(ScrubTest, AManifestIsNotTakenWhileABlobThatItNamesIsInQuarantine) {
  put("app/web", "{}");
  put("app/web", large);
  test::flip_a_bit(blobs_, digest_of(large));
  EXPECT_EQ(scrub_all().quarantined, 1U);
  const auto refused = put_manifest();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
  EXPECT_THAT(refused.error().message, HasSubstr(digest_of(large).to_string()));
  put("app/web", large);
  EXPECT_TRUE(put_manifest().ok());
}

TEST_P(ScrubTest, AnObjectThatIsMissingOrCutShortIsDamage) {
  const std::string other(100'000, 'O');
  put("app/web", large);
  put("app/web", other);
  ASSERT_TRUE(blobs_.objects().remove(object_key(digest_of(large))).value());
  auto stage = blobs_.objects().begin_stage("short");
  ASSERT_TRUE((*stage)->append(std::as_bytes(std::span(other).first(99'999))).ok());
  ASSERT_TRUE((*stage)->publish(object_key(digest_of(other))).ok());

  const ScrubReport report = scrub_all();
  EXPECT_EQ(report.quarantined, 2U);
  std::map<std::string, std::string> why;
  for (const DamagedBlob& blob : report.damaged_blobs) why[blob.digest.to_string()] = blob.why;
  EXPECT_EQ(why[digest_of(large).to_string()], "its object is missing");
  EXPECT_EQ(why[digest_of(other).to_string()], "its object has 99999 of its 100000 bytes");
  put("app/web", large);
  put("app/web", other);
  EXPECT_TRUE(read("app/web", large) == large);
  EXPECT_TRUE(read("app/web", other) == other);
}

/// Before any scrub has seen it.
TEST_P(ScrubTest, APushMendsWhatIsMissingOrCutShort) {
  put("app/web", large);
  put("app/web", "small");
  ASSERT_TRUE(blobs_.objects().remove(object_key(digest_of(large))).value());
  erase(test::content_key(digest_of("small")));
  put("app/web", large);
  put("app/web", "small");
  EXPECT_TRUE(scrub_all().clean());
  EXPECT_TRUE(read("app/web", large) == large);
}

TEST_P(ScrubTest, EveryRowMustLeadSomewhereAndBeLedTo) {
  const RepositoryName web = name("app/web");
  const Digest layer = digest_of(large);
  const Digest image = digest_of(image_of(large));
  const std::vector<std::pair<std::string, std::vector<std::string>>> rows = {
      {rows::blob_link(web, layer).str(), {"is listed as holder of"}},
      {rows::content_holder(layer, "app/web").str(), {"is not listed among the holders"}},
      {rows::manifest(web, image).str(),
       {"is listed as holder of", "and it does not", "and it does not", "which is not there"}},
      {rows::named_by(web, layer, image).str(), {"and no row says so"}},
      {rows::tag(web, "v1").str(), {"is said to have the tag v1, and has not"}},
      {rows::tag_of_manifest(web, image, "v1").str(), {"tag app/web:v1 is missing among"}},
      {rows::repository("app/web").str(),
       {"the repository is not listed", "the repository is not listed",
        "the repository is not listed"}},
  };
  for (const auto& [key, findings] : rows) {
    put_image();
    ASSERT_TRUE(scrub_all().clean());
    std::string value;
    {
      const auto view = blobs_.metadata().snapshot();
      const auto present = (*view)->get(key);
      ASSERT_TRUE(present.ok() && present->has_value()) << findings.front();
      value = **present;
    }
    erase(key);
    const ScrubReport report = scrub_all();
    EXPECT_EQ(report.broken_rows, findings.size()) << findings.front();
    ASSERT_EQ(report.broken.size(), findings.size()) << findings.front();
    for (std::size_t i = 0; i < findings.size(); ++i)
      EXPECT_THAT(report.broken[i], HasSubstr(findings[i]));
    ASSERT_TRUE(blobs_.metadata()
                    .write([&](WriteTransaction& transaction) { return transaction.put(key, value); })
                    .ok());
  }
}

TEST_P(ScrubTest, ItReadsNoFasterThanItsRate) {
  put("app/web", large);
  CountedRun run;
  std::atomic<bool> ended = false;
  std::thread scrubber([&] {
    EXPECT_TRUE(scrub(parts_, {.bytes_per_second = 10'000}, run).ok());
    ended = true;
  });
  run.counts.wait_until([](const auto& counts) { return counts.contains("bytes"); });
  const MonotonicTime start = clock_.monotonic();
  while (!ended) {
    clock_.advance(std::chrono::milliseconds(100));
    std::this_thread::yield();
  }
  scrubber.join();
  EXPECT_GE(clock_.monotonic() - start, std::chrono::seconds(9)) << "100,000 bytes";
}

TEST_P(ScrubTest, ACancelledOneStopsAlsoWhileItWaits) {
  put("app/web", large);
  CountedRun run;
  Result<ScrubReport> result = ScrubReport();
  std::thread scrubber([&] { result = scrub(parts_, {.bytes_per_second = 1}, run); });
  run.counts.wait_until([](const auto& counts) { return counts.contains("bytes"); });
  run.stop.request_stop();
  scrubber.join();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::cancelled);
}

TEST_P(ScrubTest, OneThatResumesGoesOnWhereItWasStopped) {
  const std::chrono::hours interval(24);
  for (int i = 0; i < 10; ++i) put("app/web", "blob " + std::to_string(i));
  EXPECT_EQ(*scrub_due_in(blobs_.metadata(), clock_, interval), std::chrono::minutes(10));
  CountedRun run;
  run.stop_after_blobs = 4;
  ASSERT_FALSE(scrub(parts_, {.resumes = true}, run).ok());
  EXPECT_EQ(*scrub_due_in(blobs_.metadata(), clock_, interval), std::chrono::minutes(1));
  const ScrubReport rest = scrub_all({.resumes = true});
  EXPECT_EQ(rest.blobs, 6U) << "the first were read before";
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(*scrub_due_in(blobs_.metadata(), clock_, interval), std::chrono::hours(23));
  EXPECT_EQ(scrub_all({.resumes = true}).blobs, 10U) << "a new round reads all";
}

/// Writers push, link, delete and collect while scrubs run: nothing that they do looks like damage.
TEST_P(ScrubTest, ChangesCauseNoFalseAlarms) {
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> turns = 0;
  const std::uint64_t seed = test::random_seed();
  std::vector<std::thread> writers;
  for (unsigned writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      std::mt19937_64 random(seed + writer);
      const RepositoryName mine = name("app/w" + std::to_string(writer));
      while (!done) {
        const std::string bytes((random() % 2 == 0 ? 10 : 40'000), static_cast<char>('a' + random() % 6));
        const Digest digest = digest_of(bytes);
        if (!registry_->put_blob(mine, digest, bytes)) ++wrong;
        (void)registry_->delete_blob(mine, digest);
        const auto unused = [&](WriteTransaction& transaction, const BlobInfo& blob,
                                Timestamp) -> Result<bool> {
          SLIPWAY_TRY(const auto cursor, transaction.cursor());
          const std::string holders = key_space::Key(key_space::content_holder).digest(blob.digest).str();
          SLIPWAY_TRY(const bool found, cursor->seek(holders));
          return !found || !cursor->key().starts_with(holders);
        };
        if (!blobs_.remove(digest, unused)) ++wrong;
        ++turns;
      }
    });
  }
  for (int round = 0; round < 20 || turns < 400; ++round) {
    const ScrubReport report = scrub_all();
    EXPECT_TRUE(report.clean()) << to_json(report);
  }
  done = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(blobs_.quarantined()->empty());
}

TEST_P(ScrubTest, AsAnOperationItTakesARateAndAnswersItsReport) {
  put("app/web", large);
  test::flip_a_bit(blobs_, digest_of(large));
  Maintenance maintenance(clock_);
  maintenance.add("scrub", scrub_operation(parts_));
  for (const char* wrong : {R"({"rate":"fast"})", R"({"speed":"1MiB"})", "[]"}) {
    const auto refused = maintenance.start("scrub", wrong);
    ASSERT_FALSE(refused.ok()) << wrong;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  }
  const auto started = maintenance.start("scrub", "{}");
  ASSERT_TRUE(started.ok());
  const auto ended = maintenance.wait(started->id);
  ASSERT_EQ(ended->state, OperationState::succeeded);
  const auto result = json::Document::parse(ended->result);
  EXPECT_EQ(result->root().find("quarantined").as_uint64(), 1U);
  EXPECT_EQ(result->root().find("damaged").elements()[0].find("digest").text(),
            digest_of(large).to_string());
}

INSTANTIATE_TEST_SUITE_P(Stores, ScrubTest, testing::Bool(),
                         [](const auto& one) { return one.param ? "disk" : "memory"; });

}  // namespace
}  // namespace slipway
