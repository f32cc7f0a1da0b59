#include "worker/worker.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "support/cgroup.hpp"

#include "worker/buildah_builder.hpp"
#include "worker/worker_run.hpp"

namespace slipway {

Result<WorkerOutcome> run_worker(const WorkerOptions& options, HttpTransport& transport,
                                 Clock& clock, Log& log, std::stop_token stop) {
  BuildahBuilderOptions building{options.trust, {}, options.isolation, {}, {}};
  if (options.isolation) {
    // The local backend removes what a worker that was killed left, by this name.
    const char* folder = std::getenv("SLIPWAY_WORKER");
    building.group_name = folder != nullptr ? std::filesystem::path(folder).filename().string()
                                            : "slipway-worker-" + std::to_string(::getpid());
    if (const auto place = find_cgroup_place())
      building.groups = *place;
    else
      log.info("memory and processes are limited one by one, not together",
               {{"reason", place.error().message}});
  }
  const std::unique_ptr<Builder> builder = make_buildah_builder(std::move(building));
  return WorkerRun(options, transport, *builder, clock, log).run(std::move(stop));
}

}  // namespace slipway
