#include "prometheus/prometheus_metrics.hpp"

#include <prometheus/check_names.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "prometheus/instruments.hpp"

namespace slipway {
namespace {

using Instrument = std::variant<std::unique_ptr<AtomicCounter>, std::unique_ptr<AtomicGauge>,
                                std::unique_ptr<AtomicHistogram>>;

struct Family {
  std::string help;
  prometheus::MetricType type = prometheus::MetricType::Untyped;
  std::vector<double> bounds;
  std::map<MetricLabels, Instrument> members;
};

void collect(const AtomicCounter& counter, prometheus::ClientMetric& out) {
  out.counter.value = counter.value();
}

void collect(const AtomicGauge& gauge, prometheus::ClientMetric& out) {
  out.gauge.value = gauge.value();
}

void collect(const AtomicHistogram& histogram, prometheus::ClientMetric& out) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) {
    total += histogram.count(i);
    out.histogram.bucket.push_back({total, i < histogram.bounds().size()
                                               ? histogram.bounds()[i]
                                               : std::numeric_limits<double>::infinity()});
  }
  out.histogram.sample_count = total;
  out.histogram.sample_sum = histogram.sum();
}

bool valid_labels(const MetricLabels& labels) {
  return std::all_of(labels.begin(), labels.end(), [](const auto& label) {
    return prometheus::CheckLabelName(label.first);
  });
}

class PrometheusMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view name, std::string_view help,
                   const MetricLabels& labels) override {
    AtomicCounter* found = find<AtomicCounter>(name, help, prometheus::MetricType::Counter, {},
                                               labels);
    return found != nullptr ? *found : none().counter(name, help, labels);
  }

  Gauge& gauge(std::string_view name, std::string_view help, const MetricLabels& labels) override {
    AtomicGauge* found = find<AtomicGauge>(name, help, prometheus::MetricType::Gauge, {}, labels);
    return found != nullptr ? *found : none().gauge(name, help, labels);
  }

  Histogram& histogram(std::string_view name, std::string_view help,
                       std::span<const double> bounds, const MetricLabels& labels) override {
    AtomicHistogram* found = find<AtomicHistogram>(
        name, help, prometheus::MetricType::Histogram, bounds, labels);
    return found != nullptr ? *found : none().histogram(name, help, bounds, labels);
  }

  [[nodiscard]] std::string text() const override {
    std::vector<prometheus::MetricFamily> families;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, family] : families_) families.push_back(snapshot(name, family));
    }
    return prometheus::TextSerializer().Serialize(families);
  }

 private:
  template <class T>
  T* find(std::string_view name, std::string_view help, prometheus::MetricType type,
          std::span<const double> bounds, const MetricLabels& labels) {
    if (!prometheus::CheckMetricName(std::string(name)) || !valid_labels(labels))
      return nullptr;
    MetricLabels sorted = labels;
    std::sort(sorted.begin(), sorted.end());

    const std::lock_guard lock(mutex_);
    const auto [place, is_new] = families_.try_emplace(std::string(name));
    Family& family = place->second;
    if (is_new) {
      family.help = help;
      family.type = type;
      family.bounds.assign(bounds.begin(), bounds.end());
    } else if (family.type != type) {
      return nullptr;
    }
    auto member = family.members.find(sorted);
    if (member == family.members.end()) {
      std::unique_ptr<T> instrument;
      if constexpr (std::is_same_v<T, AtomicHistogram>)
        instrument = std::make_unique<T>(family.bounds);
      else
        instrument = std::make_unique<T>();
      member = family.members.emplace(std::move(sorted), std::move(instrument)).first;
    }
    return std::get<std::unique_ptr<T>>(member->second).get();
  }

  static prometheus::MetricFamily snapshot(const std::string& name, const Family& family) {
    prometheus::MetricFamily out;
    out.name = name;
    out.help = family.help;
    out.type = family.type;
    for (const auto& [labels, instrument] : family.members) {
      prometheus::ClientMetric metric;
      for (const auto& [label, value] : labels) metric.label.push_back({label, value});
      std::visit([&](const auto& member) { collect(*member, metric); }, instrument);
      out.metric.push_back(std::move(metric));
    }
    return out;
  }

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<Metrics> make_prometheus_metrics() {
  return std::make_unique<PrometheusMetrics>();
}

}  // namespace slipway
