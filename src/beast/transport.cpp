#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <vector>

#include <slipway/http/transport.hpp>

#include "beast/exchange.hpp"
#include "beast/tls.hpp"
#include "beast/url.hpp"
#include "beast/wire.hpp"

namespace slipway::beast {
namespace {

constexpr std::size_t most_idle_wires = 16;  // to one origin
/// Below the idle timeout of servers, our own among them.
constexpr std::chrono::seconds longest_idle{30};

bool has_line_break(std::string_view text) noexcept {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

/// Sending it twice does what sending it once does (RFC 9110 section 9.2.2).
bool repeatable(const OutgoingRequest& request) noexcept {
  return request.method != HttpMethod::post && request.method != HttpMethod::patch &&
         !request.body_source;
}

class Transport final : public HttpTransport {
 public:
  Transport(TransportOptions options, std::unique_ptr<asio::ssl::context> tls)
      : options_(std::move(options)), tls_(std::move(tls)) {}

  Result<IncomingResponse> send(const OutgoingRequest& request, const BodySink& sink,
                                std::stop_token stop) override {
    try {
      SLIPWAY_TRY(const Url url, parse_url(request.url));
      SLIPWAY_CHECK(check(request));
      return send_to(url, request, sink, stop);
    } catch (const std::exception& exception) {
      return Error(ErrorCode::io, request.url + ": " + exception.what());
    }
  }

 private:
  struct IdleWire {
    std::unique_ptr<Wire> wire;
    std::chrono::steady_clock::time_point since;
  };

  static Result<void> check(const OutgoingRequest& request) {
    if (request.method == HttpMethod::other)
      return Error(ErrorCode::invalid_argument, request.url + ": the request has no method");
    for (const auto& [name, value] : request.fields)
      if (name.empty() || has_line_break(name) || has_line_break(value))
        return Error(ErrorCode::invalid_argument,
                     request.url + ": a field's name or value has a line break");
    return {};
  }

  Result<IncomingResponse> send_to(const Url& url, const OutgoingRequest& request,
                                   const BodySink& sink, const std::stop_token& stop) {
    Patience patience{std::chrono::steady_clock::now() + request.timeout, stop};
    if (request.whole_timeout) {
      patience.latest = std::chrono::steady_clock::now() + *request.whole_timeout;
      patience.deadline = std::min(patience.deadline, patience.latest);
    }
    while (std::unique_ptr<Wire> wire = take_idle(url.origin)) {
      Exchange exchange(*wire, url, request, options_.user_agent, sink, patience);
      auto response = exchange.run();
      // The server may have closed the connection while it was idle.
      const bool was_closed = !response && response.error().code == ErrorCode::unavailable &&
                              !exchange.answered();
      if (was_closed && repeatable(request)) continue;
      if (exchange.reusable()) keep(url.origin, std::move(wire));
      return response;
    }
    if (url.origin.secure)
      std::call_once(system_trusted_, [this] { trust_system_authorities(*tls_); });
    const DestinationRules* rules = options_.destinations ? &*options_.destinations : nullptr;
    SLIPWAY_TRY(auto wire, connect_wire(url.origin, *tls_, patience, rules));
    Exchange exchange(*wire, url, request, options_.user_agent, sink, patience);
    auto response = exchange.run();
    if (exchange.reusable()) keep(url.origin, std::move(wire));
    return response;
  }

  std::unique_ptr<Wire> take_idle(const Origin& origin) {
    const auto oldest = std::chrono::steady_clock::now() - longest_idle;
    const std::lock_guard lock(mutex_);
    std::vector<IdleWire>& wires = idle_[origin];
    while (!wires.empty()) {
      IdleWire last = std::move(wires.back());
      wires.pop_back();
      if (last.since > oldest && !last.wire->has_news()) return std::move(last.wire);
    }
    return nullptr;
  }

  void keep(const Origin& origin, std::unique_ptr<Wire> wire) {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    std::vector<IdleWire>& wires = idle_[origin];
    std::erase_if(wires, [&](const IdleWire& idle) { return idle.since + longest_idle < now; });
    if (wires.size() < most_idle_wires) wires.push_back({std::move(wire), now});
  }

  const TransportOptions options_;
  const std::unique_ptr<asio::ssl::context> tls_;
  std::once_flag system_trusted_;
  std::mutex mutex_;
  std::map<Origin, std::vector<IdleWire>> idle_;  // guarded by mutex_; the latest last
};

}  // namespace
}  // namespace slipway::beast

namespace slipway {

Result<std::unique_ptr<HttpTransport>> make_http_transport(const TransportOptions& options) {
  try {
    SLIPWAY_TRY(auto tls, beast::make_client_tls(options));
    return std::unique_ptr<HttpTransport>(
        std::make_unique<beast::Transport>(options, std::move(tls)));
  } catch (const std::exception& exception) {
    return Error(ErrorCode::io, std::string("setting up TLS: ") + exception.what());
  }
}

}  // namespace slipway
