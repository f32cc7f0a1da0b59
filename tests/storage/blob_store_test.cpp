#include "tests/storage/blob_store_contract.hpp"

#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/storage/memory_object_store.hpp>

namespace slipway::test {

namespace {

class MemoryHarness final : public StoresHarness {
 public:
  Stores& stores() override { return *stores_; }
  void reopen() override {}

 private:
  const std::unique_ptr<Stores> stores_ = make_memory_stores();
};

std::unique_ptr<StoresHarness> make_memory_harness() {
  return std::make_unique<MemoryHarness>();
}

/// An ObjectStore whose stages take a number of bytes more, and then refuse.
class ScarceObjectStore final : public ObjectStore {
 public:
  explicit ScarceObjectStore(std::size_t room) : room_(room) {}
  void set_room(std::size_t room) { room_ = room; }

  Result<std::unique_ptr<Stage>> begin_stage(std::string_view name) override {
    SLIPWAY_TRY(auto stage, inner_->begin_stage(name));
    return std::unique_ptr<Stage>(std::make_unique<ScarceStage>(std::move(stage), room_));
  }
  Result<std::unique_ptr<Stage>> open_stage(std::string_view name) override {
    return inner_->open_stage(name);
  }
  Result<void> for_each_stage(const std::function<bool(const StageInfo&)>& visit) override {
    return inner_->for_each_stage(visit);
  }
  Result<std::shared_ptr<const Object>> open(std::string_view key) override {
    return inner_->open(key);
  }
  Result<bool> remove(std::string_view key) override { return inner_->remove(key); }
  Result<void> set_aside(std::string_view key, std::string_view name) override {
    return inner_->set_aside(key, name);
  }
  Result<void> set_aside(std::span<const std::byte> bytes, std::string_view name) override {
    return inner_->set_aside(bytes, name);
  }
  Result<std::shared_ptr<const Object>> open_aside(std::string_view name) override {
    return inner_->open_aside(name);
  }
  Result<void> for_each(const std::function<bool(std::string_view)>& visit) override {
    return inner_->for_each(visit);
  }

 private:
  class ScarceStage final : public Stage {
   public:
    ScarceStage(std::unique_ptr<Stage> inner, std::size_t& room)
        : inner_(std::move(inner)), room_(room) {}
    [[nodiscard]] std::uint64_t size() const noexcept override { return inner_->size(); }
    Result<void> append(std::span<const std::byte> bytes) override {
      const std::size_t taken = std::min(bytes.size(), room_);
      room_ -= taken;
      SLIPWAY_CHECK(inner_->append(bytes.first(taken)));
      if (taken == bytes.size()) return {};
      return Error(ErrorCode::quota_exceeded, "the disk is full");
    }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
      return inner_->read_at(offset, out);
    }
    Result<void> publish(std::string_view key) override { return inner_->publish(key); }
    Result<void> discard() override { return inner_->discard(); }

   private:
    const std::unique_ptr<Stage> inner_;
    std::size_t& room_;
  };

  const std::unique_ptr<ObjectStore> inner_ = make_memory_object_store();
  std::size_t room_;
};

/// Whatever room there was, the writer knows exactly which bytes it has, and goes on from there.
TEST(BlobWriter, GoesOnAfterAFullDiskWithWhatItTook) {
  const std::string bytes = "0123456789abcdefghijklmnopqrstuvwxyz";
  for (std::size_t room = 0; room <= bytes.size(); ++room) {
    const auto metadata = make_memory_metadata_store();
    ScarceObjectStore objects(room);
    BlobStore blobs(*metadata, objects, Clock::system(), {.inline_limit = 10});
    const auto writer = blobs.begin("upload");
    ASSERT_TRUE(succeeded(writer->append(bytes_of(bytes).first(6))));
    const auto appended = writer->append(bytes_of(bytes).subspan(6));
    ASSERT_EQ(appended.ok(), room == bytes.size());
    ASSERT_EQ(writer->size(), std::max<std::size_t>(room, 6)) << room;

    objects.set_room(1000);
    ASSERT_TRUE(succeeded(writer->append(bytes_of(bytes).subspan(writer->size()))));
    ASSERT_TRUE(succeeded(writer->commit(digest_of(bytes), {})));
    EXPECT_EQ(blobs.read(digest_of(bytes), 100).value(), bytes);
  }
}

TEST(BlobWriter, CommitsWhatItTookOfAFullDiskAsAValueWhenThatIsSmall) {
  const auto metadata = make_memory_metadata_store();
  ScarceObjectStore objects(8);
  BlobStore blobs(*metadata, objects, Clock::system(), {.inline_limit = 10});
  const auto writer = blobs.begin("upload");
  ASSERT_TRUE(failed(writer->append(bytes_of("0123456789abcdef")), ErrorCode::quota_exceeded));
  ASSERT_TRUE(succeeded(writer->commit(digest_of("01234567"), {})));
  EXPECT_EQ(blobs.read(digest_of("01234567"), 100).value(), "01234567");
}

TEST(BlobWriter, RefusesAStageNameThatIsTaken) {
  const auto stores = make_memory_stores();
  BlobStore blobs(stores->metadata(), stores->objects(), Clock::system(), {.inline_limit = 10});
  const auto first = blobs.begin("upload");
  const auto second = blobs.begin("upload");
  ASSERT_TRUE(succeeded(first->persist()));
  EXPECT_TRUE(failed(second->persist(), ErrorCode::already_exists));
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, BlobStoreContract, testing::Values(make_memory_harness),
                         [](const auto&) { return "stores"; });

}  // namespace slipway::test
