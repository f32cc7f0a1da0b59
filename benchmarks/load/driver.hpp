// Drives requests over several connections to one server, from one thread with epoll, so that the
// load costs little of the machine that it shares with the server.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::load {

/// Ends the program with status 1.
[[noreturn]] void fail(const std::string& what);

struct Address {
  std::string host;  // IPv4
  std::uint16_t port = 0;
};

struct Request {
  std::string head;       // to the empty line, and whatever of the body belongs to it
  std::string_view tail;  // the rest of the body; stays valid until it was sent
  bool head_only = false;  // HEAD: the answer has no body whatever its length says
};

struct Answer {
  std::string_view status;    // "200"
  std::string_view location;  // empty when there is none
};

/// What one connection does, one request after the other.
class Client {
 public:
  virtual ~Client() = default;

  /// The next request. False: there is none, and the connection is done.
  virtual bool next(Request& request) = 0;
  /// The last request's answer. Its body was dropped.
  virtual void answered(const Answer& answer) = 0;
};

/// Runs each client on a connection of its own until all are done. Answers how many seconds that
/// took, connecting aside.
double drive(const Address& address, const std::vector<std::unique_ptr<Client>>& clients);

}  // namespace slipway::load
