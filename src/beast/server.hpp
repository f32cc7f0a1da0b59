// What start_http_server does, with the seams that tests need: the clock, and small limits.
#pragma once

#include <cstddef>
#include <memory>

#include <slipway/http/server.hpp>
#include <slipway/support/clock.hpp>

namespace slipway::beast {

struct ServerSeams {
  Clock* clock = &Clock::system();
  /// Jobs that may wait for a thread of the pool; more are answered 503.
  std::size_t most_waiting_jobs = 4096;
};

Result<std::unique_ptr<HttpServer>> start_server(HttpHandler& handler,
                                                 const HttpServerOptions& options, Log& log,
                                                 Metrics& metrics, const ServerSeams& seams);

}  // namespace slipway::beast
