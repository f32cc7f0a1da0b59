#include "tests/build/memory_backend.hpp"

#include "tests/build/backend_contract.hpp"

namespace slipway::test {
namespace {

struct MemoryBackendFactory {
  std::unique_ptr<BuildBackend> make() { return std::make_unique<MemoryBackend>("memory", 2); }
  std::unique_ptr<BuildBackend> reopen(std::unique_ptr<BuildBackend> before) {
    before->on_event({});
    return before;
  }
  void end(BuildBackend& backend, const std::string& worker) {
    dynamic_cast<MemoryBackend&>(backend).end(worker);
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, BackendContract, MemoryBackendFactory);

}  // namespace
}  // namespace slipway::test
