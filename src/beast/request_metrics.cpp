#include "beast/request_metrics.hpp"

namespace slipway::beast {

RequestMetrics::RequestMetrics(Metrics& metrics)
    : metrics_(metrics),
      received_counter_(metrics.counter("slipway_http_received_bytes_total",
                                        "Bytes received by the HTTP server")),
      sent_counter_(
          metrics.counter("slipway_http_sent_bytes_total", "Bytes sent by the HTTP server")),
      connections_gauge_(
          metrics.gauge("slipway_http_connections", "Connections that are open")) {
  std::size_t at = 0;
  for (const std::string_view reason : {"head", "idle", "body", "answer", "crowded"})
    cut_[at++] = &metrics.counter("slipway_http_connections_cut_total",
                                  "Connections that a limit ended",
                                  {{"reason", std::string(reason)}});
}

RequestMetrics::Route& RequestMetrics::route(std::string_view name) {
  const auto found = routes_.find(name);
  if (found != routes_.end()) return found->second;
  constexpr std::array bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                              0.1,    0.25,    0.5,    1.0,   2.5,    5.0,   10.0, 30.0,  60.0};
  Histogram& seconds = metrics_.histogram(
      "slipway_http_request_seconds", "Time from a request's head to the end of its answer", bounds,
      {{"route", std::string(name)}});
  return routes_.emplace(std::string(name), Route{&seconds, {}}).first->second;
}

Counter& RequestMetrics::counter(std::string_view name, Route& route, HttpMethod method,
                                 int status) {
  for (const Answers& known : route.answers)
    if (known.method == method && known.status == status) return *known.counter;
  Counter& counter =
      metrics_.counter("slipway_http_requests_total", "Requests that were answered",
                       {{"route", std::string(name)},
                        {"method", std::string(to_string(method))},
                        {"code", std::to_string(status)}});
  route.answers.push_back({method, status, &counter});
  return counter;
}

void RequestMetrics::count(std::string_view name, HttpMethod method, int status,
                           std::chrono::nanoseconds duration) {
  Route& known = route(name);
  counter(name, known, method, status).add();
  known.seconds->observe(std::chrono::duration<double>(duration).count());
  flush();
}

void RequestMetrics::flush() noexcept {
  if (received_ > 0) received_counter_.add(static_cast<double>(std::exchange(received_, 0)));
  if (sent_ > 0) sent_counter_.add(static_cast<double>(std::exchange(sent_, 0)));
}

}  // namespace slipway::beast
