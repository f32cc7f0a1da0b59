#include <slipway/storage/memory_object_store.hpp>

#include "tests/storage/object_store_contract.hpp"

namespace slipway::test {

namespace {

class MemoryHarness final : public ObjectStoreHarness {
 public:
  ObjectStore& store() override { return *store_; }

 private:
  const std::unique_ptr<ObjectStore> store_ = make_memory_object_store();
};

std::unique_ptr<ObjectStoreHarness> make_memory_harness() {
  return std::make_unique<MemoryHarness>();
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract, testing::Values(make_memory_harness),
                         [](const auto&) { return "store"; });

}  // namespace slipway::test
