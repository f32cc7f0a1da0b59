// TimerWheel: the timeouts of one I/O thread, so that no operation needs a timer of its own.
//
// Time is counted in ticks. Each entry lies in the slot of the tick at which it is looked at next;
// what is looked at and not yet due moves on to its deadline's slot, or one rotation further. A
// rotation is no longer than the shortest timeout, so that setting a deadline is only storing a
// number: the next look comes before it. Deadlines are met at the first tick behind them.
//
// Thread safety: none; a wheel belongs to its I/O thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

#include <slipway/support/clock.hpp>

namespace slipway::beast {

class TimerWheel {
 public:
  struct Link {
    Link* previous = this;
    Link* next = this;
    Link() = default;
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
  };

  /// Something with a deadline. Leaves its wheel when it is destroyed.
  class Entry : private Link {
   public:
    Entry() = default;
    /// May set another deadline, and may destroy the entry.
    virtual void on_deadline() = 0;

   protected:
    virtual ~Entry() { unlink(*this); }

   private:
    friend class TimerWheel;
    std::int64_t deadline_ = never;
  };

  TimerWheel(std::chrono::nanoseconds shortest_timeout, MonotonicTime now);

  [[nodiscard]] MonotonicTime tick() const noexcept { return tick_; }

  void add(Entry& entry) noexcept;
  /// `timeout` from now on, rounded up to ticks; at least the shortest timeout.
  void set(Entry& entry, std::chrono::nanoseconds timeout) const noexcept {
    entry.deadline_ = now_ + (timeout + tick_ - std::chrono::nanoseconds(1)) / tick_ + 1;
  }
  void clear(Entry& entry) const noexcept { entry.deadline_ = never; }

  /// Calls those whose deadlines have passed.
  void advance(MonotonicTime now);

  /// How often `advance` should be called for these timeouts.
  static MonotonicTime tick_for(std::chrono::nanoseconds shortest_timeout) noexcept;

 private:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  static void unlink(Link& link) noexcept;
  static void link_before(Link& place, Link& link) noexcept;
  void place(Entry& entry) noexcept;
  void look_at(Link& slot);

  const MonotonicTime tick_;
  std::int64_t now_;  // in ticks
  std::vector<Link> slots_;
};

}  // namespace slipway::beast
