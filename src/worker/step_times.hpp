// StepTimes: puts a line behind each step of a build's log that says how long it took.
//
//   STEP 2/5: RUN make
//   …
//   ==> STEP 2/5 took 3.21 s
//   STEP 3/5: COPY . /app
//
// Steps are what buildah prints as `STEP n/m: `, with `[n/m] ` before it where there are stages; one
// ends where the next begins, at `COMMIT`, or with the build. They are timed where they run, so that
// everyone who reads the log, whenever and from wherever, reads the same. The beginning of a line is
// held back until it tells whether it is a step's; nothing else is changed.
//
// Thread safety: none.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <slipway/support/clock.hpp>

namespace slipway {

class StepTimes {
 public:
  using Out = std::function<void(std::string_view)>;

  /// The next bytes, which came at this time.
  void pass(std::string_view bytes, MonotonicTime now, const Out& out);
  /// The build has ended: what was held back, and the last step's time, on a line of its own.
  void finish(MonotonicTime now, const Out& out);

 private:
  /// Adds the line of the step that runs, if one does.
  void end_step(MonotonicTime now, std::string& text);

  std::string held_;         // the line so far, while it may be a step's
  bool line_begins_ = true;  // the next byte goes there
  std::string step_;         // that runs: "[1/2] STEP 2/5"; empty: none does
  MonotonicTime began_{};
};

}  // namespace slipway
