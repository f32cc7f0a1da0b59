#include <slipway/build/local_backend.hpp>

#include <signal.h>

#include "local/process_record.hpp"
#include "tests/build/backend_contract.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {
namespace {

class ProcessBackendFactory {
 public:
  ProcessBackendFactory() {
    write_file(program(), "#!/bin/sh\nexec sleep 100000\n");
    std::filesystem::permissions(program(), std::filesystem::perms::owner_all);
  }

  std::unique_ptr<BuildBackend> make() {
    LocalBackendOptions options;
    options.slots = 2;
    options.folder = folder_ / "workers";
    options.program = program();
    auto made = make_local_backend(options);
    EXPECT_TRUE(made.ok());
    return made ? *std::move(made) : nullptr;
  }

  std::unique_ptr<BuildBackend> reopen(std::unique_ptr<BuildBackend> before) {
    before.reset();
    return make();
  }

  void end(BuildBackend&, const std::string& worker) {
    const auto record = read_process_record(folder_ / ("workers/" + worker + "/worker.json"));
    ASSERT_TRUE(record.has_value());
    EXPECT_TRUE(send_signal(record->process, SIGKILL));
  }

 private:
  [[nodiscard]] std::filesystem::path program() const { return folder_ / "program"; }

  TemporaryFolder folder_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Local, BackendContract, ProcessBackendFactory);

}  // namespace
}  // namespace slipway::test
