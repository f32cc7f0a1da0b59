// The server's metrics, with each handle looked up once for an I/O thread.
//
//   slipway_http_requests_total{route,method,code}
//   slipway_http_request_seconds{route}              from the whole head to the whole answer
//   slipway_http_received_bytes_total, slipway_http_sent_bytes_total
//   slipway_http_connections
//   slipway_http_connections_cut_total{reason}        that a limit ended: see CutReason
//
// Thread safety: none; one for each I/O thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/http/message.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway::beast {

/// Which limit ended a connection.
enum class CutReason : std::uint8_t {
  head,     // head_timeout, in a head or a handshake
  idle,     // idle_timeout
  body,     // stall_timeout or min_bytes_per_second, in a request's body
  answer,   // the same, in an answer
  crowded,  // max_connections: it waited longest
};

class RequestMetrics {
 public:
  explicit RequestMetrics(Metrics& metrics);

  void count(std::string_view route, HttpMethod method, int status,
             std::chrono::nanoseconds duration);

  void received(std::size_t bytes) noexcept { received_ += bytes; }
  void sent(std::size_t bytes) noexcept { sent_ += bytes; }
  /// Hands on what was received and sent since the last time.
  void flush() noexcept;

  void cut(CutReason reason) noexcept { cut_[static_cast<std::size_t>(reason)]->add(); }
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
  std::array<Counter*, 5> cut_{};
  std::map<std::string, Route, std::less<>> routes_;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace slipway::beast
