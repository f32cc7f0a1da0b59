#include <slipway/build/local_backend.hpp>

#include <signal.h>

#include "local/process_record.hpp"
#include "tests/build/backend_contract.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {
namespace {

class ProcessBackendFactory {
 public:
  explicit ProcessBackendFactory(unsigned warm = 0) : warm_(warm) {
    write_file(program(),
               "#!/bin/sh\n"
               "if [ \"$2\" = --wait ]; then read -r question; echo '!' >&0; read -r token; fi\n"
               "exec sleep 100000\n");
    std::filesystem::permissions(program(), std::filesystem::perms::owner_all);
  }

  std::unique_ptr<BuildBackend> make() {
    LocalBackendOptions options;
    options.slots = 2;
    options.warm = warm_;
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

  const unsigned warm_;
  TemporaryFolder folder_;
};

class WarmProcessBackendFactory : public ProcessBackendFactory {
 public:
  WarmProcessBackendFactory() : ProcessBackendFactory(2) {}
};

INSTANTIATE_TYPED_TEST_SUITE_P(Local, BackendContract, ProcessBackendFactory);
INSTANTIATE_TYPED_TEST_SUITE_P(LocalWarm, BackendContract, WarmProcessBackendFactory);

}  // namespace
}  // namespace slipway::test
