// The server's metrics, with each handle looked up once for an I/O thread.
//
//   slipway_http_requests_total{route,method,code}
//   slipway_http_request_seconds{route}              from the whole head to the whole answer
//   slipway_http_received_bytes_total, slipway_http_sent_bytes_total
//   slipway_http_connections
//
// Thread safety: none; one for each I/O thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/http/message.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway::beast {

class RequestMetrics {
 public:
  explicit RequestMetrics(Metrics& metrics);

  void count(std::string_view route, HttpMethod method, int status,
             std::chrono::nanoseconds duration);

  void received(std::size_t bytes) noexcept { received_ += bytes; }
  void sent(std::size_t bytes) noexcept { sent_ += bytes; }
  /// Hands on what was received and sent since the last time.
  void flush() noexcept;

  void opened() noexcept { connections_gauge_.add(1); }
  void closed() noexcept { connections_gauge_.add(-1); }

 private:
  struct Answers {
    HttpMethod method;
    int status;
    Counter* counter;
  };
  struct Route {
    Histogram* seconds;
    std::vector<Answers> answers;
  };

  Route& route(std::string_view name);
  Counter& counter(std::string_view name, Route& route, HttpMethod method, int status);

  Metrics& metrics_;
  Counter& received_counter_;
  Counter& sent_counter_;
  Gauge& connections_gauge_;
  std::map<std::string, Route, std::less<>> routes_;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace slipway::beast
