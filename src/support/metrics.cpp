#include <slipway/support/metrics.hpp>

namespace slipway {
namespace {

class NoCounter final : public Counter {
 public:
  void add(double) noexcept override {}
};

class NoGauge final : public Gauge {
 public:
  void set(double) noexcept override {}
  void add(double) noexcept override {}
};

class NoHistogram final : public Histogram {
 public:
  void observe(double) noexcept override {}
};

class NoMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view, std::string_view, const MetricLabels&) override {
    return counter_;
  }
  Gauge& gauge(std::string_view, std::string_view, const MetricLabels&) override { return gauge_; }
  Histogram& histogram(std::string_view, std::string_view, std::span<const double>,
                       const MetricLabels&) override {
    return histogram_;
  }
  [[nodiscard]] std::string text() const override { return {}; }

 private:
  NoCounter counter_;
  NoGauge gauge_;
  NoHistogram histogram_;
};

}  // namespace

Metrics& Metrics::none() {
  static NoMetrics metrics;
  return metrics;
}

}  // namespace slipway
