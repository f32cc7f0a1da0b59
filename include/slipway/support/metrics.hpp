// Metrics: counters, gauges and histograms, behind an interface so that the engine needs no
// metrics library and an embedder can bring its own.
//
// A handle is looked up once, when its owner is made, and then used on the hot path: `add` and
// `observe` take no lock and allocate nothing.
//
// Names and labels follow Prometheus ("Metric and label naming"): `slipway_` first, base units
// (seconds, bytes), `_total` for counters.
//
// Thread safety: everything from any thread. A handle lives as long as its Metrics.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double amount = 1) noexcept = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) noexcept = 0;
  virtual void add(double amount) noexcept = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) noexcept = 0;
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class Metrics {
 public:
  virtual ~Metrics() = default;

  /// The same name and labels give the same handle.
  virtual Counter& counter(std::string_view name, std::string_view help,
                           const MetricLabels& labels = {}) = 0;
  virtual Gauge& gauge(std::string_view name, std::string_view help,
                       const MetricLabels& labels = {}) = 0;
  /// `bounds` are the buckets' upper bounds, ascending; the first call for a name decides.
  virtual Histogram& histogram(std::string_view name, std::string_view help,
                               std::span<const double> bounds, const MetricLabels& labels = {}) = 0;

  /// All of it in Prometheus' text format 0.0.4.
  [[nodiscard]] virtual std::string text() const = 0;

  /// Counts nothing. It lives as long as the program.
  static Metrics& none();
};

}  // namespace slipway
