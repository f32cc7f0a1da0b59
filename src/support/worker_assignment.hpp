// How a worker program that was started ahead (`slipway worker --wait`) gets its build.
//
// Its standard input is one end of a socket, the other is whoever started it:
//
//   starter  ?\n                        is it there, and not frozen?
//   worker   !\n
//   starter  <registration token>\n<its folder from now on>\n<the server's URL>\n
//
// A worker that has not had all of it when the other end is closed ends: whoever would have given
// it a build has gone.
//
// Thread safety: an end belongs to one thread at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace slipway {

struct WorkerAssignment {
  std::string registration_token;
  std::string folder;
  std::string server_url;
};

/// True: it answers within the time.
bool answers(int worker, std::chrono::milliseconds patience);

/// False: it has gone.
bool assign(int worker, const WorkerAssignment& assignment);

/// Waits for as long as it takes. nullopt: nobody will give it one any more.
std::optional<WorkerAssignment> await_assignment(int starter);

}  // namespace slipway
