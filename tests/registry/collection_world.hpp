// A registry and its garbage collector over stores that a test can meddle with: what happens just
// before a transaction, and whether objects can be removed.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/registry/garbage_collector.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

#include "storage/key_space.hpp"
#include "tests/storage/object_testing.hpp"
#include "tests/storage/store_testing.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {

/// Calls a function before a write, and counts what each write erases.
class WatchedMetadata final : public MetadataStore {
 public:
  explicit WatchedMetadata(MetadataStore& inner) : inner_(inner) {}

  /// Runs once, before the next write.
  void before_next_write(std::function<void()> hook) {
    const std::lock_guard lock(mutex_);
    before_ = std::move(hook);
  }
  /// The most that one write erased since the last time this was asked.
  std::size_t take_most_erased() {
    const std::lock_guard lock(mutex_);
    return std::exchange(most_erased_, 0);
  }

  Result<std::unique_ptr<ReadView>> snapshot() override { return inner_.snapshot(); }
  Result<void> write(const Write& closure) override {
    if (const auto before = take_hook()) before();
    return inner_.write([&](WriteTransaction& transaction) {
      WatchedTransaction watched(transaction);
      auto done = closure(watched);
      const std::lock_guard lock(mutex_);
      most_erased_ = std::max(most_erased_, watched.erased);
      return done;
    });
  }
  std::unique_ptr<Subscription> subscribe(std::string_view topic,
                                          std::function<void()> callback) override {
    return inner_.subscribe(topic, std::move(callback));
  }
  [[nodiscard]] bool reads_may_block() const noexcept override { return inner_.reads_may_block(); }
  [[nodiscard]] Counts counts() const noexcept override { return inner_.counts(); }
  [[nodiscard]] const Sealer& sealer() const noexcept override { return inner_.sealer(); }

 private:
  struct WatchedTransaction final : WriteTransaction {
    explicit WatchedTransaction(WriteTransaction& transaction) : inner(transaction) {}
    Result<std::optional<std::string_view>> get(std::string_view key) const override {
      return inner.get(key);
    }
    Result<void> get_many(std::span<const std::string_view> keys,
                          std::span<std::optional<std::string_view>> values) const override {
      return inner.get_many(keys, values);
    }
    Result<std::unique_ptr<Cursor>> cursor() const override { return inner.cursor(); }
    Result<void> put(std::string_view key, std::string_view value) override {
      return inner.put(key, value);
    }
    Result<bool> erase(std::string_view key) override {
      ++erased;
      return inner.erase(key);
    }
    void notify(std::string_view topic) override { inner.notify(topic); }

    WriteTransaction& inner;
    std::size_t erased = 0;
  };

  std::function<void()> take_hook() {
    const std::lock_guard lock(mutex_);
    return std::exchange(before_, nullptr);
  }

  MetadataStore& inner_;
  std::mutex mutex_;
  std::function<void()> before_;  // guarded by mutex_
  std::size_t most_erased_ = 0;   // guarded by mutex_
};

/// Whose objects cannot be removed while it is told so, as after a crash or on a broken disk.
class StubbornObjects final : public ObjectStore {
 public:
  explicit StubbornObjects(ObjectStore& inner) : inner_(inner) {}

  bool removes = true;

  Result<std::unique_ptr<Stage>> begin_stage(std::string_view name) override {
    return inner_.begin_stage(name);
  }
  Result<std::unique_ptr<Stage>> open_stage(std::string_view name) override {
    return inner_.open_stage(name);
  }
  Result<void> for_each_stage(const std::function<bool(const StageInfo&)>& visit) override {
    return inner_.for_each_stage(visit);
  }
  Result<std::shared_ptr<const Object>> open(std::string_view key) override {
    return inner_.open(key);
  }
  Result<bool> remove(std::string_view key) override {
    if (!removes) return Error(ErrorCode::io, "the disk does not let go of it");
    return inner_.remove(key);
  }
  Result<void> for_each(const std::function<bool(std::string_view key)>& visit) override {
    return inner_.for_each(visit);
  }
  Result<void> set_aside(std::string_view key, std::string_view name) override {
    return inner_.set_aside(key, name);
  }
  Result<void> set_aside(std::span<const std::byte> bytes, std::string_view name) override {
    return inner_.set_aside(bytes, name);
  }
  Result<std::shared_ptr<const Object>> open_aside(std::string_view name) override {
    return inner_.open_aside(name);
  }

 private:
  ObjectStore& inner_;
};

enum class Place { memory, disk };

inline const std::string image_type = "application/vnd.oci.image.manifest.v1+json";
inline const std::string image_index_type = "application/vnd.oci.image.index.v1+json";

inline std::string descriptor_json(std::string_view type, std::string_view bytes) {
  return "{\"mediaType\":\"" + std::string(type) + "\",\"digest\":\"" +
         digest_of(bytes).to_string() + "\",\"size\":" + std::to_string(bytes.size()) + "}";
}
/// An image of one layer; its config is "{}". `subject` is another manifest's bytes.
inline std::string image_json(std::string_view layer, std::string_view subject = {}) {
  std::string json = "{\"schemaVersion\":2,\"mediaType\":\"" + image_type + "\",\"config\":" +
                     descriptor_json("application/vnd.oci.image.config.v1+json", "{}") +
                     ",\"layers\":[" +
                     descriptor_json("application/vnd.oci.image.layer.v1.tar", layer) + "]";
  if (!subject.empty()) json += ",\"subject\":" + descriptor_json(image_type, subject);
  return json + "}";
}
inline std::string index_json(const std::vector<std::string>& images) {
  std::string json = "{\"schemaVersion\":2,\"mediaType\":\"" + image_index_type +
                     "\",\"manifests\":[";
  for (std::size_t i = 0; i < images.size(); ++i)
    json += (i == 0 ? "" : ",") + descriptor_json(image_type, images[i]);
  return json + "]}";
}

class CollectionWorld : public testing::TestWithParam<Place> {
 protected:
  static constexpr std::size_t inline_limit = 100;
  /// 8 h and 2 min: an eighth of it is due after 1 h and 15 s; a collector waits for 10 h 2 min 30 s.
  static constexpr std::chrono::milliseconds promised = std::chrono::minutes(482);
  static constexpr std::chrono::milliseconds due = std::chrono::seconds(3615);
  static constexpr std::chrono::milliseconds kept = std::chrono::seconds(36150);
  static constexpr std::chrono::milliseconds tick{1};

  CollectionWorld() { reopen(); }

  /// As a process that begins anew on what the one before left.
  void reopen() {
    collector_.reset();
    registry_.reset();
    blobs_ = std::make_unique<BlobStore>(metadata_, objects_, clock_,
                                         BlobStoreOptions{.inline_limit = inline_limit});
    RegistryOptions options;
    options.lease.promised = promised;
    registry_ = *open_registry(*blobs_, clock_, options);
    use_rules({});
  }
  void use_rules(std::vector<RetentionRule> rules) {
    GarbageCollectorOptions options;
    options.load = 100;
    options.retention = std::move(rules);
    collector_ = make_garbage_collector(*blobs_, *registry_, clock_, options);
  }
  Collected collect() {
    const auto collected = collector_->collect();
    EXPECT_TRUE(succeeded(collected));
    return collected.value_or(Collected{});
  }

  static RepositoryName name(std::string_view text) { return *RepositoryName::parse(text); }
  static Reference reference(std::string_view text) { return *parse_reference(text); }
  static std::string large(std::string_view bytes) {
    std::string longer(bytes);
    longer.resize(inline_limit + 1, '.');
    return longer;
  }

  Digest put(std::string_view bytes, std::string_view repository = "app") {
    EXPECT_TRUE(
        succeeded(registry_->put_blob(name(repository), digest_of(bytes), bytes)));
    return digest_of(bytes);
  }
  /// With its config and its layer.
  Digest push_image(std::string_view tag, std::string_view layer, std::string_view repository = "app") {
    put("{}", repository);
    put(layer, repository);
    return push(tag, image_json(layer), image_type, repository);
  }
  /// An empty tag pushes by digest.
  Digest push(std::string_view tag, const std::string& json, std::string_view type = image_type,
              std::string_view repository = "app") {
    const Digest digest = digest_of(json);
    EXPECT_TRUE(succeeded(registry_->put_manifest(
        name(repository), tag.empty() ? Reference(digest) : reference(tag), json, type)));
    return digest;
  }
  bool remove(std::string_view what, std::string_view repository = "app") {
    return registry_->delete_manifest(name(repository), reference(what)).ok();
  }
  bool has_blob(const Digest& blob, std::string_view repository = "app") {
    const auto opened = registry_->open_blob(name(repository), blob);
    EXPECT_TRUE(opened || opened.error().code == ErrorCode::not_found);
    return opened.ok();
  }
  bool has_manifest(std::string_view what, std::string_view repository = "app") {
    std::string bytes;
    const auto read = registry_->read_manifest(name(repository), reference(what), bytes);
    EXPECT_TRUE(read || read.error().code == ErrorCode::not_found);
    return read.ok();
  }
  bool has_manifest(const Digest& manifest, std::string_view repository = "app") {
    return has_manifest(manifest.to_string(), repository);
  }
  bool has_bytes(const Digest& content) { return blobs_->stat(content).ok(); }

  std::vector<std::string> keys() { return all_keys(**metadata_.snapshot()); }
  std::set<std::string> tags(std::string_view repository = "app") {
    const auto page = registry_->tags(name(repository), "", 1000);
    if (!page) return {};
    return {page->tags.begin(), page->tags.end()};
  }

  /// ULIDs of a process ascend whatever its clock does, so each test begins later than all before.
  static Timestamp next_start() {
    static Timestamp start = *parse_rfc3339("2027-01-01T00:00:00Z");
    return start += std::chrono::days(1000);
  }

  ManualClock clock_{next_start()};
  TemporaryFolder folder_ = TemporaryFolder::in_memory();
  std::unique_ptr<Stores> stores_ = GetParam() == Place::memory ? make_memory_stores()
                                                                : *open_stores(folder_.path());
  WatchedMetadata metadata_{stores_->metadata()};
  StubbornObjects objects_{stores_->objects()};
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<GarbageCollector> collector_;
};

inline std::string place_name(const testing::TestParamInfo<Place>& info) {
  return info.param == Place::memory ? "Memory" : "Disk";
}

}  // namespace slipway::test
