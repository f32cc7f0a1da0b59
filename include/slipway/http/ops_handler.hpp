// The handler for those who run the server: is it alive, is it ready, what does it count.
//
//   GET /healthz   200 "ok": the process answers
//   GET /readyz    200 "ready", or 503 and why not
//   GET /metrics   Prometheus' text format 0.0.4
//   GET /openapi.json   the description of the whole API (OpenAPI 3.1), JSON
//
// For anyone, without a token; plain text. HEAD is answered too.
//
// Thread safety: any thread.
#pragma once

#include <functional>
#include <memory>

#include <slipway/core/result.hpp>
#include <slipway/http/handler.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway {

/// `ready` runs on an I/O thread for each /readyz and must not block; its error's message is the
/// answer. `before_scrape`, where there is one, runs before each /metrics, on a thread that may block.
/// `metrics` must outlive the handler. Mount it at each of its four paths, or at "/".
std::unique_ptr<HttpHandler> make_ops_handler(const Metrics& metrics,
                                              std::function<Result<void>()> ready,
                                              std::function<void()> before_scrape = {});

}  // namespace slipway
