#include <gtest/gtest.h>

#include <slipway/registry/registry.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

#include "registry/rows.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;

const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
const std::string index_type = "application/vnd.oci.image.index.v1+json";

std::string descriptor(std::string_view type, std::string_view bytes) {
  return "{\"mediaType\":\"" + std::string(type) + "\",\"digest\":\"" +
         digest_of(bytes).to_string() + "\",\"size\":" + std::to_string(bytes.size()) + "}";
}

std::string image_of(std::string_view layer) {
  return "{\"schemaVersion\":2,\"mediaType\":\"" + manifest_type + "\",\"config\":" +
         descriptor("application/vnd.oci.image.config.v1+json", "{}") + ",\"layers\":[" +
         descriptor("application/vnd.oci.image.layer.v1.tar", layer) + "]}";
}

Result<void> replaced(const ReadView&) {
  return Error(ErrorCode::denied, "this attempt was replaced");
}

class RegistryTest : public ::testing::Test {
 protected:
  explicit RegistryTest(RegistryOptions options = {}) : options_(options) { reopen(); }

  void reopen() {
    registry_.reset();
    registry_ = *open_registry(blobs_, clock_, options_);
  }

  static RepositoryName name(std::string_view text) { return *RepositoryName::parse(text); }
  static Reference reference(std::string_view text) { return *parse_reference(text); }

  Digest put(std::string_view bytes) {
    EXPECT_TRUE(registry_->put_blob(app_, digest_of(bytes), bytes).ok());
    return digest_of(bytes);
  }
  Result<Registry::PutManifest> put_image(std::string_view tag, const std::string& json,
                                          const WriteGuard& guard = {}) {
    return registry_->put_manifest(app_, reference(tag), json, manifest_type, guard);
  }
  std::string write_chunk(const std::string& upload, std::string_view bytes) {
    auto writer = registry_->write_upload(app_, upload);
    if (!writer) return std::string(to_string(writer.error().code));
    EXPECT_TRUE((*writer)->append(std::as_bytes(std::span(bytes))).ok());
    const auto size = (*writer)->suspend();
    return size ? std::to_string(*size) : size.error().message;
  }
  Result<BlobInfo> close(const std::string& upload, std::string_view bytes) {
    SLIPWAY_TRY(const auto writer, registry_->write_upload(app_, upload));
    return writer->commit(digest_of(bytes));
  }

  std::size_t rows(std::string_view prefix) {
    const auto view = *stores_->metadata().snapshot();
    const auto cursor = *view->cursor();
    std::size_t count = 0;
    for (bool found = *cursor->seek(prefix); found && cursor->key().starts_with(prefix);
         found = *cursor->next())
      ++count;
    return count;
  }
  std::size_t stages() {
    std::size_t count = 0;
    EXPECT_TRUE(stores_->objects()
                    .for_each_stage([&](const ObjectStore::StageInfo&) {
                      ++count;
                      return true;
                    })
                    .ok());
    return count;
  }

  /// ULIDs of a process ascend whatever its clock does, so each test begins later than all before.
  static Timestamp next_start() {
    static Timestamp start = *parse_rfc3339("2026-11-24T09:05:03.007Z");
    return start += 30 * 24h;
  }

  const RegistryOptions options_;
  ManualClock clock_{next_start()};
  std::unique_ptr<Stores> stores_ = make_memory_stores();
  BlobStore blobs_{stores_->metadata(), stores_->objects(), clock_};
  std::unique_ptr<Registry> registry_;
  const RepositoryName app_ = name("app");
};

TEST_F(RegistryTest, OpeningAnUploadWritesNothing) {
  const auto before = stores_->metadata().counts().writes;
  const std::string upload = registry_->begin_upload(app_);
  EXPECT_LE(upload.size(), 64U);
  for (const char c : upload) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)));
  EXPECT_TRUE(registry_->check_upload(app_, upload).ok());
  EXPECT_EQ(*registry_->upload_size(app_, upload), 0U);
  EXPECT_EQ(stores_->metadata().counts().writes, before);
  EXPECT_EQ(stages(), 0U);
}

TEST_F(RegistryTest, IdsOfAnotherRegistryProveNothing) {
  const auto others = make_memory_stores();
  BlobStore blobs(others->metadata(), others->objects(), clock_);
  const auto other = *open_registry(blobs, clock_);
  EXPECT_EQ(registry_->check_upload(app_, other->begin_upload(app_)).error().code,
            ErrorCode::not_found);
}

TEST_F(RegistryTest, AnUploadIsClosedWithoutWaiting) {
  const std::string upload = registry_->begin_upload(app_);
  const auto writer = *registry_->write_upload(app_, upload);
  ASSERT_TRUE(writer->append(std::as_bytes(std::span(std::string_view("bytes")))).ok());
  std::optional<Result<BlobInfo>> told;
  writer->commit_then(digest_of("bytes"), {}, [&](Result<BlobInfo> blob) { told = std::move(blob); });
  ASSERT_TRUE(told && told->ok());
  EXPECT_TRUE(registry_->stat_blob(app_, digest_of("bytes")).ok());
  EXPECT_EQ(registry_->upload_result(app_, upload)->size, 5U);

  writer->commit_then(digest_of("bytes"), {}, [&](Result<BlobInfo> blob) { told = std::move(blob); });
  EXPECT_EQ(told->error().code, ErrorCode::conflict);
}

TEST_F(RegistryTest, AWrongDigestEndsAnUploadThatIsClosedWithoutWaiting) {
  const std::string upload = registry_->begin_upload(app_);
  const auto writer = *registry_->write_upload(app_, upload);
  ASSERT_TRUE(writer->append(std::as_bytes(std::span(std::string_view("bytes")))).ok());
  std::optional<Result<BlobInfo>> told;
  writer->commit_then(digest_of("others"), {}, [&](Result<BlobInfo> blob) { told = std::move(blob); });
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->error().code, ErrorCode::digest_mismatch);
  EXPECT_EQ(registry_->check_upload(app_, upload).error().code, ErrorCode::not_found);
}

TEST_F(RegistryTest, AnUploadGivesItsTurnsOneAfterTheOther) {
  const std::string upload = registry_->begin_upload(app_);
  {
    const auto first = *registry_->write_upload(app_, upload);
    EXPECT_EQ(write_chunk(upload, "x"), "conflict");
    EXPECT_EQ(registry_->cancel_upload(app_, upload).error().code, ErrorCode::conflict);
    ASSERT_TRUE(first->append(std::as_bytes(std::span(std::string_view("one ")))).ok());
    EXPECT_EQ(*first->suspend(), 4U);
    EXPECT_EQ(first->append({}).error().code, ErrorCode::conflict);
  }
  EXPECT_EQ(write_chunk(upload, "two"), "7");
  EXPECT_EQ(registry_->write_upload(app_, upload, 3).error().code, ErrorCode::range_mismatch);
  EXPECT_TRUE(registry_->write_upload(app_, upload, 7).ok());
  EXPECT_EQ(close(upload, "one two")->size, 7U);
  EXPECT_EQ(registry_->upload_result(app_, upload)->digest, digest_of("one two"));
  EXPECT_EQ(stages(), 0U);
}

class FewParkedTest : public RegistryTest {
 protected:
  FewParkedTest() : RegistryTest(RegistryOptions{.max_parked_uploads = 2}) {}
};

TEST_F(FewParkedTest, UploadsThatWereDroppedGoOnAllTheSame) {
  std::vector<std::string> uploads;
  for (int i = 0; i < 5; ++i) {
    uploads.push_back(registry_->begin_upload(app_));
    EXPECT_EQ(write_chunk(uploads.back(), std::to_string(i) + " of many"), "9");
  }
  for (std::size_t i = 0; i < uploads.size(); ++i) {
    EXPECT_EQ(*registry_->upload_size(app_, uploads[i]), 9U);
    EXPECT_EQ(close(uploads[i], std::to_string(i) + " of many")->size, 9U);
  }
}

class SmallBlobsTest : public RegistryTest {
 protected:
  SmallBlobsTest() : RegistryTest(RegistryOptions{.max_blob_bytes = 10}) {}
};

TEST_F(SmallBlobsTest, ABlobThatIsTooLargeIsRefused) {
  EXPECT_TRUE(registry_->put_blob(app_, digest_of("0123456789"), "0123456789").ok());
  EXPECT_EQ(registry_->put_blob(app_, digest_of("0123456789a"), "0123456789a").error().code,
            ErrorCode::too_large);
  const std::string upload = registry_->begin_upload(app_);
  EXPECT_EQ(write_chunk(upload, "01234567"), "8");
  const auto writer = *registry_->write_upload(app_, upload);
  EXPECT_EQ(writer->append(std::as_bytes(std::span(std::string_view("89a")))).error().code,
            ErrorCode::too_large);
}

TEST_F(RegistryTest, RowsOfLongEndedUploadsAreSweptByLaterOnes) {
  for (int i = 0; i < 10; ++i) {
    const std::string upload = registry_->begin_upload(app_);
    ASSERT_TRUE(close(upload, "").ok());
  }
  EXPECT_EQ(rows(key_space::ended_upload), 10U);
  clock_.advance(options_.upload_lifetime);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(close(registry_->begin_upload(app_), "").ok());
  EXPECT_EQ(rows(key_space::ended_upload), 3U);
}

TEST_F(RegistryTest, StagesOfExpiredUploadsGoWhenItOpens) {
  EXPECT_EQ(write_chunk(registry_->begin_upload(app_), "forgotten"), "9");
  clock_.advance(options_.upload_lifetime);
  const std::string fresh = registry_->begin_upload(app_);
  EXPECT_EQ(write_chunk(fresh, "fresh"), "5");
  EXPECT_EQ(stages(), 2U);
  reopen();
  EXPECT_EQ(stages(), 1U);
  EXPECT_EQ(*registry_->upload_size(app_, fresh), 5U);
}

TEST_F(RegistryTest, ABlobInOneGoLeavesNothingWhenItFails) {
  const std::string large(100'000, 'x');
  {
    const auto writer = registry_->write_blob(app_);
    ASSERT_TRUE(writer->append(std::as_bytes(std::span(large))).ok());
    EXPECT_EQ(writer->suspend().error().code, ErrorCode::unsupported);
    EXPECT_EQ(stages(), 1U);
  }
  EXPECT_EQ(stages(), 0U);
  EXPECT_EQ(registry_->put_blob(app_, digest_of("other"), large).error().code,
            ErrorCode::digest_mismatch);
  EXPECT_EQ(stages(), 0U);
}

TEST_F(RegistryTest, AGuardStopsEachWrite) {
  const Digest blob = put("layer");
  put("{}");
  ASSERT_TRUE(put_image("latest", image_of("layer")).ok());
  const auto code = [](const auto& result) { return result.error().code; };
  EXPECT_EQ(code(registry_->put_blob(app_, digest_of("new"), "new", replaced)), ErrorCode::denied);
  EXPECT_EQ(registry_->stat_blob(app_, digest_of("new")).error().code, ErrorCode::not_found);
  EXPECT_EQ(code(registry_->mount_blob(name("two"), app_, blob, replaced)), ErrorCode::denied);
  EXPECT_EQ(code(registry_->delete_blob(app_, blob, replaced)), ErrorCode::denied);
  EXPECT_EQ(code(put_image("moved", image_of("layer"), replaced)), ErrorCode::denied);
  EXPECT_EQ(code(registry_->delete_manifest(app_, reference("latest"), replaced)),
            ErrorCode::denied);
  const std::string upload = registry_->begin_upload(app_);
  EXPECT_EQ(write_chunk(upload, "bytes"), "5");
  {
    const auto writer = *registry_->write_upload(app_, upload);
    EXPECT_EQ(code(writer->commit(digest_of("bytes"), replaced)), ErrorCode::denied);
  }
  EXPECT_EQ(registry_->tags(app_, "", 10)->tags, std::vector<std::string>{"latest"});
  EXPECT_TRUE(registry_->stat_blob(app_, blob).ok());
  EXPECT_EQ(rows(key_space::repository), 1U);
}

TEST_F(RegistryTest, ATagIsMovedInATransactionOfTheCallers) {
  put("{}");
  put("one");
  put("two");
  const Digest one = put_image("latest", image_of("one"))->manifest.digest;
  const Digest two = put_image("next", image_of("two"))->manifest.digest;
  const auto move = [&](const Digest& digest) {
    return stores_->metadata().write([&](WriteTransaction& transaction) {
      return registry_->put_tag(transaction, app_, *Tag::parse("latest"), digest);
    });
  };
  EXPECT_TRUE(move(two).ok());
  EXPECT_EQ(registry_->stat_manifest(app_, reference("latest"))->digest, two);
  EXPECT_EQ(move(digest_of("unknown")).error().code, ErrorCode::not_found);
  ASSERT_TRUE(registry_->delete_manifest(app_, one).ok());
  EXPECT_EQ(registry_->stat_manifest(app_, reference("latest"))->digest, two);
}

TEST_F(RegistryTest, APushOfAManifestIsOneWriteAndARepeatChangesNothing) {
  put("{}");
  put("layer");
  const auto before = stores_->metadata().counts().writes;
  ASSERT_TRUE(put_image("latest", image_of("layer")).ok());
  EXPECT_EQ(stores_->metadata().counts().writes, before + 1);
  const std::size_t named = rows(key_space::named_by);
  ASSERT_TRUE(put_image("latest", image_of("layer")).ok());
  EXPECT_EQ(rows(key_space::named_by), named);
}

TEST_F(RegistryTest, WhoNamesWhatIsKnownUntilTheManifestGoes) {
  const Digest layer = put("layer");
  const Digest config = put("{}");
  const Digest image = put_image("latest", image_of("layer"))->manifest.digest;
  const std::string child = image_of("layer");
  const std::string index = "{\"schemaVersion\":2,\"mediaType\":\"" + index_type +
                            "\",\"manifests\":[" + descriptor(manifest_type, child) + "]}";
  const Digest parent =
      registry_->put_manifest(app_, reference("index"), index, index_type)->manifest.digest;

  const auto named_by = [&](const Digest& named, const Digest& by) {
    const auto view = *stores_->metadata().snapshot();
    return view->get(rows::named_by(app_, named, by))->has_value();
  };
  EXPECT_TRUE(named_by(layer, image));
  EXPECT_TRUE(named_by(config, image));
  EXPECT_TRUE(named_by(image, parent));
  ASSERT_TRUE(registry_->delete_manifest(app_, image).ok());
  EXPECT_FALSE(named_by(layer, image));
  EXPECT_FALSE(named_by(config, image));
  EXPECT_TRUE(named_by(image, parent));
  ASSERT_TRUE(registry_->delete_manifest(app_, parent).ok());
  EXPECT_EQ(rows(key_space::named_by), 0U);
  EXPECT_EQ(rows(key_space::tag), 0U);
  EXPECT_EQ(rows(key_space::tag_of_manifest), 0U);
  EXPECT_EQ(rows(key_space::manifest), 0U);
}

TEST_F(RegistryTest, HoldersAreTheRepositoriesThatHaveTheContent) {
  const Digest blob = put("bytes");
  ASSERT_TRUE(registry_->mount_blob(name("a/b"), app_, blob).ok());
  ASSERT_TRUE(registry_->mount_blob(name("z"), app_, blob).ok());
  EXPECT_EQ(*registry_->holders(blob, 10), (std::vector<std::string>{"a/b", "app", "z"}));
  EXPECT_EQ(*registry_->holders(blob, 2), (std::vector<std::string>{"a/b", "app"}));
  ASSERT_TRUE(registry_->delete_blob(app_, blob).ok());
  EXPECT_EQ(*registry_->holders(blob, 10), (std::vector<std::string>{"a/b", "z"}));
  EXPECT_EQ(registry_->mount_blob(name("q"), app_, blob).error().code, ErrorCode::not_found);
}

TEST_F(RegistryTest, RepositoriesBeginWithAPrefix) {
  for (const char* repository : {"app/a", "app/b", "app", "apple", "b"})
    ASSERT_TRUE(registry_->put_blob(name(repository), digest_of("x"), "x").ok());
  EXPECT_EQ(registry_->repositories("app/", "", 10)->repositories,
            (std::vector<std::string>{"app/a", "app/b"}));
  const auto page = *registry_->repositories("app", "app", 2);
  EXPECT_EQ(page.repositories, (std::vector<std::string>{"app/a", "app/b"}));
  EXPECT_TRUE(page.more);
  EXPECT_FALSE(registry_->repositories("app", "app", 3)->more);
  EXPECT_TRUE(registry_->repositories("nothing", "", 3)->repositories.empty());
}

class SparseTest : public RegistryTest {
 protected:
  SparseTest() : RegistryTest(RegistryOptions{.sparse_images = true}) {}
};

TEST_F(SparseTest, AMirrorMayHoldPartsOfImages) {
  EXPECT_TRUE(put_image("latest", image_of("a layer that is elsewhere")).ok());
  put("layer");
  std::string wrong = image_of("layer");
  wrong.replace(wrong.find("\"size\":5"), 8, "\"size\":6");
  EXPECT_EQ(put_image("wrong", wrong).error().code, ErrorCode::invalid_argument);
}

TEST_F(RegistryTest, AManifestThatNamesWhatIsMissingLeavesNothing) {
  const auto refused = put_image("latest", image_of("layer"));
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
  EXPECT_EQ(rows(key_space::manifest), 0U);
  EXPECT_EQ(rows(key_space::repository), 0U);
}

}  // namespace
}  // namespace slipway
