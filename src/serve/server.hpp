// Server: everything that `slipway serve` is, put together from a Configuration.
//
// Start: bind, then open the stores, then the engine over them, then answer. Binding comes first so
// that a port that is taken leaves the data folder untouched; who connects in between is told to
// come back (503). On an empty data folder the administrator's token is made before the first
// answer (administrator_token.hpp). Builds are scheduled once the server answers.
//
// End: the reverse. Workers of builds go on and find the next server; builds stay in the queue.
//
// Thread safety: every member from any thread.
#pragma once

#include <memory>
#include <string>

#include <slipway/core/result.hpp>
#include <slipway/support/log.hpp>
#include <slipway/support/metrics.hpp>

#include "config/configuration.hpp"
#include "serve/engine.hpp"

namespace slipway {

class Server {
 public:
  virtual ~Server() = default;

  /// Where it listens: "http://127.0.0.1:5000", with the host as configured and the port as bound.
  [[nodiscard]] virtual const std::string& url() const noexcept = 0;

  /// Takes no new requests, lets running ones end for at most the configuration's shutdown_grace,
  /// and stops scheduling. Returns when all is down. Destruction without it grants no time.
  virtual void drain() = 0;
};

/// It answers when this returns. The log and metrics must outlive it.
/// Errors: conflict (the port or the data folder is in use), unsupported (a data folder of another
/// version), invalid_argument (host; a folder that is not ours), denied, corrupt (certificate,
/// key; data), io.
Result<std::unique_ptr<Server>> start_server(const Configuration& configuration, Log& log,
                                             Metrics& metrics);

/// The same over an engine that is open already and outlives the server; `data`, `storage` and
/// `builds.timeout` of the configuration are then not asked.
Result<std::unique_ptr<Server>> start_server(Engine& engine, const Configuration& configuration,
                                             Log& log, Metrics& metrics);

}  // namespace slipway
