// What operators see of requests: metrics and log lines.
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "tests/beast/raw_client.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway {
namespace {

using testing::RawClient;
using testing::TestServer;

/// Keeps every number under "name{label=value,...}"; a histogram counts what it observes.
class RecordingMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view name, std::string_view, const MetricLabels& labels) override {
    return number(name, labels);
  }
  Gauge& gauge(std::string_view name, std::string_view, const MetricLabels& labels) override {
    return number(name, labels);
  }
  Histogram& histogram(std::string_view name, std::string_view, std::span<const double>,
                       const MetricLabels& labels) override {
    return number(name, labels);
  }
  [[nodiscard]] std::string text() const override { return {}; }

  double value(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = numbers_.find(key);
    return found == numbers_.end() ? -1 : found->second.value.load();
  }

 private:
  struct Number final : Counter, Gauge, Histogram {
    std::atomic<double> value = 0;
    void add(double amount) noexcept override { value.fetch_add(amount); }
    void set(double amount) noexcept override { value.store(amount); }
    void observe(double) noexcept override { value.fetch_add(1); }
  };

  Number& number(std::string_view name, const MetricLabels& labels) {
    std::string key(name);
    for (const auto& [label, text] : labels) key += " " + label + "=" + text;
    const std::lock_guard lock(mutex_);
    return numbers_[key];
  }

  std::mutex mutex_;
  std::map<std::string, Number> numbers_;
};

TEST(ObservationTest, RequestsAreCountedByRouteMethodAndCode) {
  RecordingMetrics metrics;
  {
    TestServer server({}, {}, Log::none(), metrics);
    RawClient client(server.port());
    for (int i = 0; i < 3; ++i) {
      client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
      client.receive();
    }
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" +
                std::string(100'000, 'x'));
    client.receive();
    client.send("GET /missing HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n");
    client.receive_all();
  }
  const std::string requests = "slipway_http_requests_total route=";
  EXPECT_EQ(metrics.value(requests + "test method=GET code=200"), 3);
  EXPECT_EQ(metrics.value(requests + "test method=POST code=200"), 1);
  EXPECT_EQ(metrics.value(requests + "test method=GET code=404"), 1);
  EXPECT_EQ(metrics.value(requests + "malformed method=? code=400"), 1);
  EXPECT_EQ(metrics.value("slipway_http_request_seconds route=test"), 5);
  EXPECT_EQ(metrics.value("slipway_http_connections"), 0);
  EXPECT_GT(metrics.value("slipway_http_received_bytes_total"), 100'000);
  EXPECT_LT(metrics.value("slipway_http_received_bytes_total"), 101'000);
  EXPECT_GT(metrics.value("slipway_http_sent_bytes_total"), 100'000);
  EXPECT_LT(metrics.value("slipway_http_sent_bytes_total"), 102'000);
}

class RecordingLog final : public Log {
 public:
  explicit RecordingLog(bool takes_debug = true) : takes_debug_(takes_debug) {}

  [[nodiscard]] bool enabled(LogLevel level) const noexcept override {
    return takes_debug_ || level != LogLevel::debug;
  }
  void write(LogLevel level, std::string_view event,
             std::span<const LogField> fields) noexcept override {
    const std::lock_guard lock(mutex_);
    std::string line = (level == LogLevel::debug ? "debug " : "other ") + std::string(event);
    for (const LogField& field : fields)
      if (field.name != "microseconds" && field.name != "peer")
        line += " " + std::string(field.name) + "=" + field.value;
    lines_.push_back(line);
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  const bool takes_debug_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST(ObservationTest, OneLineARequest) {
  RecordingLog log;
  {
    TestServer server({}, {}, log);
    RawClient client(server.port());
    client.send("GET /hello?a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\n\r\n");
    client.receive();
    client.send("DELETE /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client.receive_all();
  }
  EXPECT_EQ(log.lines(),
            (std::vector<std::string>{"debug request method=GET target=/hello?a status=200",
                                      "debug request method=DELETE target=/other status=404"}));
}

TEST(ObservationTest, NoLineIsPutTogetherThatNobodyTakes) {
  RecordingLog log(false);
  {
    TestServer server({}, {}, log);
    RawClient client(server.port());
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client.receive_all();
  }
  EXPECT_EQ(log.lines(), std::vector<std::string>());
}

}  // namespace
}  // namespace slipway
