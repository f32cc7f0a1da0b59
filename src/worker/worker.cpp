#include "worker/worker.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "worker/buildah_builder.hpp"
#include "worker/worker_run.hpp"

namespace slipway {

Result<WorkerOutcome> run_worker(const WorkerOptions& options, HttpTransport& transport,
                                 Clock& clock, Log& log, std::stop_token stop) {
  // The local backend removes the group that a worker left which was killed, by this name.
  const char* folder = std::getenv("SLIPWAY_WORKER");
  BuildahBuilderOptions building{options.trust, {}, options.isolation,
                                 folder != nullptr
                                     ? std::filesystem::path(folder).filename().string()
                                     : "slipway-worker-" + std::to_string(::getpid())};
  const std::unique_ptr<Builder> builder = make_buildah_builder(std::move(building));
  return WorkerRun(options, transport, *builder, clock, log).run(std::move(stop));
}

}  // namespace slipway
