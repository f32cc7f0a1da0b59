#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/storage/memory_object_store.hpp>
#include <slipway/storage/open_stores.hpp>

namespace slipway {

namespace {

class MemoryStores final : public Stores {
 public:
  [[nodiscard]] MetadataStore& metadata() noexcept override { return *metadata_; }
  [[nodiscard]] ObjectStore& objects() noexcept override { return *objects_; }
  Result<BackupProgress> back_up(const std::filesystem::path&, const BackupWatch&) override {
    return Error(ErrorCode::unsupported, "stores in memory have nothing to back up");
  }

 private:
  const std::unique_ptr<ObjectStore> objects_ = make_memory_object_store();
  const std::unique_ptr<MetadataStore> metadata_ = make_memory_metadata_store();
};

}  // namespace

std::unique_ptr<Stores> make_memory_stores() {
  return std::make_unique<MemoryStores>();
}

}  // namespace slipway
