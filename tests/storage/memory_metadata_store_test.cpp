#include <slipway/storage/memory_metadata_store.hpp>

#include "tests/storage/metadata_store_contract.hpp"

namespace slipway::test {

namespace {

class MemoryHarness final : public MetadataStoreHarness {
 public:
  MetadataStore& store() override { return *store_; }

 private:
  const std::unique_ptr<MetadataStore> store_ = make_memory_metadata_store();
};

std::unique_ptr<MetadataStoreHarness> make_memory_harness() {
  return std::make_unique<MemoryHarness>();
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, MetadataStoreContract, testing::Values(make_memory_harness),
                         [](const auto&) { return "store"; });

}  // namespace slipway::test
