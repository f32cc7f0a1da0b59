// Signals that end the program, taken by waiting instead of by interrupting.
//
// Thread safety: made on the main thread before any other thread starts.
#pragma once

namespace slipway {

/// From its making on, SIGTERM, SIGINT and SIGHUP wait to be asked for, in this thread and those
/// that it starts.
class Signals {
 public:
  Signals() noexcept;

  /// Waits for the next of them and answers which.
  [[nodiscard]] int wait() const noexcept;

  /// From now on SIGTERM and SIGINT end the program at once.
  void end_at_once() const noexcept;
};

}  // namespace slipway
