// BuildBackend: the port for what can start workers: this machine, Kubernetes, EC2.
//
// A backend starts a worker program that knows a URL and a one-time registration token and does the
// rest itself. Worker names are deterministic, so asking twice for the same worker is harmless:
// after a crash the scheduler simply asks again.
//
// Implementations pass tests/build/backend_contract.hpp.
//
// Thread safety: every member from any thread. Members may block for as long as their service
// takes; the scheduler calls them on threads of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>

namespace slipway {

struct WorkerRequest {
  std::string name;        // at most 63 characters of [a-z0-9-]
  std::string build;       // its id
  std::string repository;
  std::string server_url;  // where the worker calls
  std::string registration_token;
  std::string platform;    // "linux/amd64"; empty: any
};

struct BackendWorker {
  std::string name;
  bool running = true;  // false: it ended and is not forgotten yet
};

struct BackendRoom {
  unsigned free = 0;   // workers that could be started now
  unsigned total = 0;  // 0: no limit that is known
  std::string why;     // when free is 0: "all 2 slots are in use"
};

struct BackendEvent {
  enum class Kind : std::uint8_t {
    started,       // it runs
    exited,        // it ended, `detail` says how ("exit status 1", "killed by signal 9")
    cannot_start,  // it will never run: `detail` says why
    room,          // there may be room again
  };
  Kind kind = Kind::exited;
  std::string worker;
  std::string detail;
};

class BuildBackend {
 public:
  virtual ~BuildBackend() = default;

  /// Its name in the configuration.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Starts a worker, or finds that one of this name is there. Errors: unavailable (no room now:
  /// costs the build nothing), invalid_argument, io, timed_out, denied.
  virtual Result<void> start(const WorkerRequest& request) = 0;

  /// Ends a worker and all its processes, and forgets it. One that is not there is no error.
  /// Errors: io, unavailable.
  virtual Result<void> stop(std::string_view worker) = 0;

  /// All of mine, also those that an earlier process started. Errors: io, unavailable.
  virtual Result<std::vector<BackendWorker>> list() = 0;

  [[nodiscard]] virtual BackendRoom room() = 0;

  /// Whom to tell, before the first start; called from the backend's threads, must be quick.
  virtual void on_event(std::function<void(const BackendEvent&)> listener) = 0;
};

}  // namespace slipway
