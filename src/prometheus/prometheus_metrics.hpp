// Metrics in Prometheus' text format.
//
// prometheus-cpp writes the text (src/prometheus is the only folder that includes it). The
// instruments are our own, because its histogram takes a lock for each observation: here a count is
// one atomic addition. A histogram that is read while it is written may miss the observations of
// that moment, and its count is always the sum of its buckets.
//
// A name or label that Prometheus does not allow gives a handle that counts nothing, as does a name
// that is an instrument of another kind already.
//
// Thread safety: as Metrics'.
#pragma once

#include <memory>

#include <slipway/support/metrics.hpp>

namespace slipway {

std::unique_ptr<Metrics> make_prometheus_metrics();

}  // namespace slipway
