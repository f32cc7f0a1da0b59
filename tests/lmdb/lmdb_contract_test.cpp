#include "tests/lmdb/harness.hpp"
#include "tests/storage/metadata_store_contract.hpp"

namespace slipway::test {

namespace {

class LmdbHarness final : public MetadataStoreHarness {
 public:
  MetadataStore& store() override { return *store_; }

 private:
  const TemporaryFolder folder_;
  const std::unique_ptr<MetadataStore> store_ = open_lmdb(folder_);
};

std::unique_ptr<MetadataStoreHarness> make_lmdb_harness() {
  return std::make_unique<LmdbHarness>();
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Lmdb, MetadataStoreContract, testing::Values(make_lmdb_harness),
                         [](const auto&) { return "store"; });

}  // namespace slipway::test
