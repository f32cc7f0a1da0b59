// What operators suffer from other registries (docs/registry.md), seen from the object store: who
// waits for whom, what is read again, what is walked.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/storage/memory_object_store.hpp>

#include "storage/blob_rows.hpp"
#include "tests/registry/collection_world.hpp"

namespace slipway::test {
namespace {

/// What is asked of the objects, and a gate at which publishing one of them waits.
struct Watch {
  std::atomic<int> reads{0};  // of what was staged or published
  std::atomic<int> walks{0};
  std::mutex mutex;
  std::condition_variable changed;
  std::string held;      // guarded by mutex; the key that waits
  bool arrived = false;  // guarded by mutex

  void pass(std::string_view key) {
    std::unique_lock lock(mutex);
    if (key != held) return;
    arrived = true;
    changed.notify_all();
    changed.wait(lock, [&] { return key != held; });
  }
  void hold(std::string key) {
    const std::lock_guard lock(mutex);
    held = std::move(key);
    changed.notify_all();
  }
  void wait_for_arrival() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return arrived; });
  }
};

class WatchedStage final : public Stage {
 public:
  WatchedStage(std::unique_ptr<Stage> inner, Watch& watch)
      : inner_(std::move(inner)), watch_(watch) {}
  [[nodiscard]] std::uint64_t size() const noexcept override { return inner_->size(); }
  Result<void> append(std::span<const std::byte> bytes) override { return inner_->append(bytes); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    ++watch_.reads;
    return inner_->read_at(offset, out);
  }
  Result<void> publish(std::string_view key) override {
    watch_.pass(key);
    return inner_->publish(key);
  }
  Result<void> discard() override { return inner_->discard(); }

 private:
  const std::unique_ptr<Stage> inner_;
  Watch& watch_;
};

class WatchedObjects final : public ObjectStore {
 public:
  WatchedObjects(ObjectStore& inner, Watch& watch) : inner_(inner), watch_(watch) {}
  Result<std::unique_ptr<Stage>> begin_stage(std::string_view name) override {
    return watched(inner_.begin_stage(name));
  }
  Result<std::unique_ptr<Stage>> open_stage(std::string_view name) override {
    return watched(inner_.open_stage(name));
  }
  Result<void> for_each_stage(const std::function<bool(const StageInfo&)>& visit) override {
    ++watch_.walks;
    return inner_.for_each_stage(visit);
  }
  Result<std::shared_ptr<const Object>> open(std::string_view key) override {
    ++watch_.reads;
    return inner_.open(key);
  }
  Result<bool> remove(std::string_view key) override { return inner_.remove(key); }
  Result<void> set_aside(std::string_view key, std::string_view name) override {
    return inner_.set_aside(key, name);
  }
  Result<void> set_aside(std::span<const std::byte> bytes, std::string_view name) override {
    return inner_.set_aside(bytes, name);
  }
  Result<std::shared_ptr<const Object>> open_aside(std::string_view name) override {
    return inner_.open_aside(name);
  }
  Result<void> for_each(const std::function<bool(std::string_view key)>& visit) override {
    ++watch_.walks;
    return inner_.for_each(visit);
  }

 private:
  Result<std::unique_ptr<Stage>> watched(Result<std::unique_ptr<Stage>> stage) {
    if (!stage) return stage;
    return std::unique_ptr<Stage>(std::make_unique<WatchedStage>(std::move(*stage), watch_));
  }

  ObjectStore& inner_;
  Watch& watch_;
};

class ElsewhereTest : public ::testing::Test {
 protected:
  Digest put(std::string_view bytes) {
    EXPECT_TRUE(succeeded(registry_->put_blob(app_, digest_of(bytes), bytes)));
    return digest_of(bytes);
  }
  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
  }

  const RepositoryName app_ = *RepositoryName::parse("app");
  Watch watch_;
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.007Z")};
  const std::unique_ptr<MetadataStore> metadata_ = make_memory_metadata_store();
  const std::unique_ptr<ObjectStore> inner_ = make_memory_object_store();
  WatchedObjects objects_{*inner_, watch_};
  BlobStore blobs_{*metadata_, objects_, clock_, {.inline_limit = 4}};
  const std::unique_ptr<Registry> registry_ = *open_registry(blobs_, clock_);
};

/// Locks are of a digest: while one blob's disk is slow, others are pushed, read and removed.
TEST_F(ElsewhereTest, ABlobHoldsUpNoOther) {
  const std::string slow = "the slow one";
  watch_.hold(object_key(digest_of(slow)));
  std::thread client([&] { put(slow); });
  watch_.wait_for_arrival();

  const Digest other = put("another one");
  EXPECT_TRUE(succeeded(registry_->open_blob(app_, other)));
  EXPECT_TRUE(failed(registry_->stat_blob(app_, digest_of(slow)), ErrorCode::not_found));
  EXPECT_TRUE(succeeded(registry_->delete_blob(app_, other)));
  EXPECT_TRUE(*blobs_.remove(other, [](WriteTransaction&, const BlobInfo&, Timestamp) {
    return Result<bool>(true);
  }));

  watch_.hold("");
  client.join();
  EXPECT_TRUE(succeeded(registry_->stat_blob(app_, digest_of(slow))));
}

/// Bytes are hashed while they come, also those of several requests.
TEST_F(ElsewhereTest, TheEndOfAnUploadReadsNothingAgain) {
  const std::string upload = registry_->begin_upload(app_);
  for (const char* chunk : {"one chunk", ", another", " and a third"}) {
    const auto writer = registry_->write_upload(app_, upload);
    ASSERT_TRUE(succeeded(writer));
    ASSERT_TRUE(succeeded((*writer)->append(bytes(chunk))));
    ASSERT_TRUE(succeeded((*writer)->suspend()));
  }
  {
    const auto writer = registry_->write_upload(app_, upload);
    ASSERT_TRUE(succeeded(writer));
    ASSERT_TRUE(succeeded((*writer)->commit(digest_of("one chunk, another and a third"))));
  }
  EXPECT_EQ(watch_.reads, 0);
}

TEST_F(ElsewhereTest, ListsWalkNoFolder) {
  const std::string image = image_json("a layer of some size");
  put("{}");
  put("a layer of some size");
  ASSERT_TRUE(succeeded(registry_->put_manifest(app_, *Tag::parse("v1"), image, image_type)));
  watch_.reads = watch_.walks = 0;
  EXPECT_EQ(registry_->tags(app_, "", 10)->tags, std::vector<std::string>{"v1"});
  EXPECT_EQ(registry_->repositories("", "", 10)->repositories, std::vector<std::string>{"app"});
  EXPECT_TRUE(registry_->referrers(app_, digest_of(image), "", {}, 10)->referrers.empty());
  EXPECT_EQ(registry_->holders(digest_of(image), 10)->size(), 1U);
  EXPECT_EQ(registry_->totals()->blobs, 3U);
  EXPECT_EQ(watch_.reads, 0);
  EXPECT_EQ(watch_.walks, 0);
}

}  // namespace
}  // namespace slipway::test
