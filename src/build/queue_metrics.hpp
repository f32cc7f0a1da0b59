// What the queue counts: builds by outcome, and how long each step of a start took.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include <slipway/build/build.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway {

class QueueMetrics {
 public:
  explicit QueueMetrics(Metrics& metrics) : metrics_(metrics) {}

  /// A change that was committed.
  void note(const Build& before, const Build& after);

 private:
  void observe(const BuildAttempt& attempt, std::string_view step, Timestamp from, Timestamp to);

  Metrics& metrics_;
};

}  // namespace slipway
