#include <slipway/http/ops_handler.hpp>

#include <gtest/gtest.h>

#include "tests/http/api_fixture.hpp"

namespace slipway {
namespace {

using test::exchange;

class OneLine final : public Metrics {
 public:
  Counter& counter(std::string_view name, std::string_view help,
                   const MetricLabels& labels) override {
    return none().counter(name, help, labels);
  }
  Gauge& gauge(std::string_view name, std::string_view help, const MetricLabels& labels) override {
    return none().gauge(name, help, labels);
  }
  Histogram& histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                       const MetricLabels& labels) override {
    return none().histogram(name, help, bounds, labels);
  }
  [[nodiscard]] std::string text() const override { return "slipway_things_total 3\n"; }
};

class OpsHandlerTest : public ::testing::Test {
 protected:
  OneLine metrics_;
  Result<void> state_;
  std::unique_ptr<HttpHandler> handler_ = make_ops_handler(metrics_, [this] { return state_; });
};

TEST_F(OpsHandlerTest, HealthNeedsNothing) {
  state_ = Error(ErrorCode::unavailable, "starting");
  const auto answer = exchange(*handler_, "GET", "/healthz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, "ok\n");
  EXPECT_EQ(answer.response.field("Content-Type"), "text/plain; charset=utf-8");
}

TEST_F(OpsHandlerTest, ReadinessSaysWhyNot) {
  EXPECT_EQ(exchange(*handler_, "GET", "/readyz").status, 200);
  state_ = Error(ErrorCode::unavailable, "the metadata store is full");
  const auto answer = exchange(*handler_, "GET", "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.text, "the metadata store is full\n");
}

TEST_F(OpsHandlerTest, MetricsArePrometheusText) {
  const auto answer = exchange(*handler_, "GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, "slipway_things_total 3\n");
  EXPECT_EQ(answer.response.field("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(OpsHandlerTest, HeadHasNoBody) {
  const auto answer = exchange(*handler_, "HEAD", "/healthz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, "");
  EXPECT_EQ(answer.response.content_length, 3U);
}

TEST_F(OpsHandlerTest, OtherMethodsAndPaths) {
  const auto post = exchange(*handler_, "POST", "/healthz", "x");
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.response.field("Allow"), "GET, HEAD");
  for (const std::string_view path : {"/", "/healthz/", "/metrics2", "/healthz%2F"})
    EXPECT_EQ(exchange(*handler_, "GET", path).status, 404) << path;
  EXPECT_EQ(exchange(*handler_, "GET", "/readyz?verbose").status, 200);
}

}  // namespace
}  // namespace slipway
