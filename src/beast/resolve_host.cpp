#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "beast/wire.hpp"

namespace slipway::beast {
namespace {

/// What the asking thread and the resolving one share. The system's resolver cannot be
/// interrupted: whoever loses patience leaves it behind.
struct Lookup {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool done = false;  // guarded by mutex, as what follows
  int code = 0;
  std::vector<asio::ip::tcp::endpoint> endpoints;
};

void look_up(Lookup& lookup, const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  std::vector<asio::ip::tcp::endpoint> endpoints;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (each->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
    endpoint.resize(each->ai_addrlen);
    endpoint.port(port);
    endpoints.push_back(endpoint);
  }
  if (found != nullptr) ::freeaddrinfo(found);
  const std::lock_guard lock(lookup.mutex);
  lookup.code = code;
  lookup.endpoints = std::move(endpoints);
  lookup.done = true;
  lookup.changed.notify_all();
}

}  // namespace

Result<std::vector<asio::ip::tcp::endpoint>> resolve_host(const Origin& origin,
                                                          const Patience& patience) {
  Failure not_an_address;
  const auto address = asio::ip::make_address(origin.host, not_an_address);
  if (!not_an_address)
    return std::vector<asio::ip::tcp::endpoint>{asio::ip::tcp::endpoint(address, origin.port)};

  const auto lookup = std::make_shared<Lookup>();
  try {
    std::thread([lookup, host = origin.host, port = origin.port] {
      look_up(*lookup, host, port);
    }).detach();
  } catch (const std::system_error& error) {
    return Error(ErrorCode::io, std::string("starting a thread to resolve a name: ") + error.what());
  }
  std::unique_lock lock(lookup->mutex);
  lookup->changed.wait_until(lock, patience.stop, patience.deadline,
                             [&] { return lookup->done; });
  if (!lookup->done && patience.stop.stop_requested())
    return Error(ErrorCode::cancelled, "resolving " + origin.host + ": cancelled");
  if (!lookup->done) return Error(ErrorCode::timed_out, "resolving " + origin.host + ": timed out");
  if (lookup->code != 0 || lookup->endpoints.empty())
    return Error(ErrorCode::unavailable,
                 "resolving " + origin.host + ": " + ::gai_strerror(lookup->code));
  return std::move(lookup->endpoints);
}

}  // namespace slipway::beast
