#include "prometheus/prometheus_metrics.hpp"

#include <array>
#include <string>
#include <thread>
#include <vector>

namespace slipway {
namespace {

using testing::HasSubstr;
using testing::Not;

// The expected texts follow "Text-based format" of Prometheus' documentation, version 0.0.4.

TEST(PrometheusMetrics, ACounterIsHelpTypeAndOneLineForEachLabelSet) {
  const auto metrics = make_prometheus_metrics();
  metrics->counter("slipway_builds_total", "Builds by outcome.", {{"outcome", "failed"}}).add(2);
  metrics->counter("slipway_builds_total", "Builds by outcome.", {{"outcome", "succeeded"}}).add();
  EXPECT_EQ(metrics->text(),
            "# HELP slipway_builds_total Builds by outcome.\n"
            "# TYPE slipway_builds_total counter\n"
            "slipway_builds_total{outcome=\"failed\"} 2\n"
            "slipway_builds_total{outcome=\"succeeded\"} 1\n");
}

TEST(PrometheusMetrics, TheSameNameAndLabelsAreTheSameHandleInAnyOrder) {
  const auto metrics = make_prometheus_metrics();
  Counter& one = metrics->counter("slipway_x_total", "x", {{"a", "1"}, {"b", "2"}});
  Counter& same = metrics->counter("slipway_x_total", "x", {{"b", "2"}, {"a", "1"}});
  EXPECT_EQ(&one, &same);
}

TEST(PrometheusMetrics, ACounterNeverFalls) {
  const auto metrics = make_prometheus_metrics();
  Counter& counter = metrics->counter("slipway_x_total", "x");
  counter.add(3);
  counter.add(-1);
  EXPECT_THAT(metrics->text(), HasSubstr("\nslipway_x_total 3\n"));
}

TEST(PrometheusMetrics, AGaugeIsSetAndMoves) {
  const auto metrics = make_prometheus_metrics();
  Gauge& gauge = metrics->gauge("slipway_uploads_open", "Uploads.");
  gauge.set(5);
  gauge.add(-1.5);
  EXPECT_THAT(metrics->text(), HasSubstr("# TYPE slipway_uploads_open gauge\n"
                                         "slipway_uploads_open 3.5\n"));
}

TEST(PrometheusMetrics, AHistogramCountsCumulativelyUpToAndWithEachBound) {
  const auto metrics = make_prometheus_metrics();
  constexpr std::array bounds{0.5, 1.0};
  Histogram& histogram = metrics->histogram("slipway_seconds", "Time.", bounds, {{"r", "a"}});
  for (const double value : {0.25, 0.5, 0.75, 8.0}) histogram.observe(value);
  EXPECT_EQ(metrics->text(),
            "# HELP slipway_seconds Time.\n"
            "# TYPE slipway_seconds histogram\n"
            "slipway_seconds_count{r=\"a\"} 4\n"
            "slipway_seconds_sum{r=\"a\"} 9.5\n"
            "slipway_seconds_bucket{r=\"a\",le=\"0.5\"} 2\n"
            "slipway_seconds_bucket{r=\"a\",le=\"1\"} 3\n"
            "slipway_seconds_bucket{r=\"a\",le=\"+Inf\"} 4\n");
}

TEST(PrometheusMetrics, TheFirstBoundsOfANameDecide) {
  const auto metrics = make_prometheus_metrics();
  constexpr std::array first{1.0};
  constexpr std::array second{7.0};
  metrics->histogram("slipway_seconds", "Time.", first, {{"r", "a"}});
  metrics->histogram("slipway_seconds", "Time.", second, {{"r", "b"}});
  EXPECT_THAT(metrics->text(), HasSubstr("le=\"1\""));
  EXPECT_THAT(metrics->text(), Not(HasSubstr("le=\"7\"")));
}

TEST(PrometheusMetrics, LabelValuesAreEscaped) {
  const auto metrics = make_prometheus_metrics();
  metrics->counter("slipway_x_total", "x", {{"v", "a\"b\\c\nd"}}).add();
  EXPECT_THAT(metrics->text(), HasSubstr("slipway_x_total{v=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(PrometheusMetrics, WhatPrometheusDoesNotAllowCountsNothing) {
  const auto metrics = make_prometheus_metrics();
  metrics->counter("slipway x", "x").add();
  metrics->counter("slipway_x_total", "x", {{"a-b", "1"}}).add();
  EXPECT_EQ(metrics->text(), "");
  metrics->gauge("slipway_x_total", "x").set(4);
  metrics->counter("slipway_x_total", "x").add();  // a gauge already
  EXPECT_THAT(metrics->text(), HasSubstr("\nslipway_x_total 4\n"));
}

TEST(PrometheusMetrics, NothingIsLostBetweenThreads) {
  const auto metrics = make_prometheus_metrics();
  constexpr std::array bounds{1.0};
  constexpr int threads = 4;
  constexpr int each = 10'000;
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([&] {
        Counter& counter = metrics->counter("slipway_x_total", "x");
        Histogram& histogram = metrics->histogram("slipway_seconds", "Time.", bounds);
        for (int n = 0; n < each; ++n) {
          counter.add();
          histogram.observe(0.5);
        }
      });
  }
  EXPECT_THAT(metrics->text(), HasSubstr("\nslipway_x_total 40000\n"));
  EXPECT_THAT(metrics->text(), HasSubstr("slipway_seconds_count 40000\nslipway_seconds_sum 20000\n"));
}

}  // namespace
}  // namespace slipway
