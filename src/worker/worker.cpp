#include "worker/worker.hpp"

#include <memory>

#include "worker/buildah_builder.hpp"
#include "worker/worker_run.hpp"

namespace slipway {

Result<WorkerOutcome> run_worker(const WorkerOptions& options, HttpTransport& transport,
                                 Clock& clock, Log& log, std::stop_token stop) {
  const std::unique_ptr<Builder> builder =
      make_buildah_builder({options.trust, {}, options.isolation});
  return WorkerRun(options, transport, *builder, clock, log).run(std::move(stop));
}

}  // namespace slipway
