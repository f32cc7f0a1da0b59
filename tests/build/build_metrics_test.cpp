#include <slipway/build/scheduler.hpp>

#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "tests/build/memory_backend.hpp"
#include "tests/build/queue_world.hpp"

namespace slipway {
namespace {

using namespace slipway::test;
using namespace std::chrono_literals;

/// Keeps the last value of a gauge, the sum of a counter, the last observation of a histogram.
class KeptMetrics final : public Metrics {
 public:
  class Kept final : public Counter, public Gauge, public Histogram {
   public:
    void set(double value) noexcept override { last = value; }
    void add(double amount) noexcept override { last += amount; }
    void observe(double value) noexcept override {
      last = value;
      ++observations;
    }
    double last = 0;
    int observations = 0;
  };

  Counter& counter(std::string_view name, std::string_view, const MetricLabels& labels) override {
    return at(name, labels);
  }
  Gauge& gauge(std::string_view name, std::string_view, const MetricLabels& labels) override {
    return at(name, labels);
  }
  Histogram& histogram(std::string_view name, std::string_view, std::span<const double>,
                       const MetricLabels& labels) override {
    return at(name, labels);
  }
  [[nodiscard]] std::string text() const override { return ""; }

  Kept& at(std::string_view name, const MetricLabels& labels) {
    std::string key(name);
    for (const auto& [label, value] : labels) key.append(" ").append(label + "=" + value);
    return kept_[key];
  }
  Kept& operator[](const std::string& key) { return kept_[key]; }

 private:
  std::map<std::string, Kept> kept_;
};

TEST(BuildMetrics, TellTheStepsOfAStartAndTheOutcome) {
  QueueWorld world;
  KeptMetrics metrics;
  MemoryBackend local("local", 1);
  world.queue.reset();
  world.queue =
      open_build_queue(world.stores->metadata(), *world.registry, world.clock, {}, metrics).value();
  local.on_start = [&](const WorkerRequest&) -> Result<void> {
    world.clock.advance(20ms);
    return {};
  };
  const auto scheduler = make_scheduler(world.stores->metadata(), *world.queue, {&local},
                                        world.clock, SchedulerOptions(), Log::none(), metrics)
                             .value();
  const Build build = world.submit("app/web");
  world.submit("app/web");
  world.clock.advance(10ms);
  scheduler->step();
  EXPECT_DOUBLE_EQ(metrics["slipway_build_start_seconds backend=local step=leased"].last, 0.011);
  EXPECT_DOUBLE_EQ(metrics["slipway_build_start_seconds backend=local step=started"].last, 0.020);
  EXPECT_DOUBLE_EQ(metrics["slipway_build_queue_depth tenant=app"].last, 1);
  EXPECT_DOUBLE_EQ(metrics["slipway_workers backend=local state=starting"].last, 1);

  world.clock.advance(40ms);
  const std::string worker = world.queue->find(build.id)->attempts.back().worker;
  ASSERT_TRUE(world.queue->register_worker(local.token_of(worker), some_nonce).ok());
  scheduler->step();
  EXPECT_DOUBLE_EQ(metrics["slipway_build_start_seconds backend=local step=registered"].last,
                   0.040);
  EXPECT_DOUBLE_EQ(metrics["slipway_build_start_seconds backend=local step=total"].last, 0.071);
  EXPECT_EQ(metrics["slipway_build_start_seconds backend=local step=total"].observations, 1);
  EXPECT_DOUBLE_EQ(metrics["slipway_workers backend=local state=running"].last, 1);
  EXPECT_DOUBLE_EQ(metrics["slipway_workers backend=local state=starting"].last, 0);

  ASSERT_TRUE(world.queue->fail({build.id, 1}, {FailureClass::user, "x", "", {}}).ok());
  EXPECT_DOUBLE_EQ(metrics["slipway_builds_total outcome=user"].last, 1);
  EXPECT_DOUBLE_EQ(metrics["slipway_build_attempts_total backend=local outcome=user"].last, 1);
  scheduler->step();
  EXPECT_DOUBLE_EQ(metrics["slipway_workers backend=local state=stopping"].last, 1);
  local.end(worker);
  scheduler->step();
  EXPECT_DOUBLE_EQ(metrics["slipway_build_queue_depth tenant=app"].last, 0);
  const Build second = world.queue->list({}).value().builds.front();
  ASSERT_TRUE(world.queue->cancel(second.id, "requested").ok());
  EXPECT_DOUBLE_EQ(metrics["slipway_builds_total outcome=cancelled"].last, 1);
}

}  // namespace
}  // namespace slipway
