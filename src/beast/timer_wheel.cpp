#include "beast/timer_wheel.hpp"

#include <algorithm>

namespace slipway::beast {
namespace {

constexpr std::int64_t most_slots = 64;

std::size_t slot_count(std::chrono::nanoseconds shortest, MonotonicTime tick) noexcept {
  return static_cast<std::size_t>(std::clamp<std::int64_t>(shortest / tick, 1, most_slots));
}

}  // namespace

MonotonicTime TimerWheel::tick_for(std::chrono::nanoseconds shortest_timeout) noexcept {
  return std::clamp<MonotonicTime>(shortest_timeout / 16, std::chrono::milliseconds(5),
                                   std::chrono::seconds(1));
}

TimerWheel::TimerWheel(std::chrono::nanoseconds shortest_timeout, MonotonicTime now)
    : tick_(tick_for(shortest_timeout)),
      now_(now / tick_),
      slots_(slot_count(shortest_timeout, tick_)) {}

void TimerWheel::unlink(Link& link) noexcept {
  link.previous->next = link.next;
  link.next->previous = link.previous;
  link.previous = link.next = &link;
}

void TimerWheel::link_before(Link& place, Link& link) noexcept {
  link.previous = place.previous;
  link.next = &place;
  place.previous->next = &link;
  place.previous = &link;
}

void TimerWheel::add(Entry& entry) noexcept { place(entry); }

void TimerWheel::place(Entry& entry) noexcept {
  const auto rotation = static_cast<std::int64_t>(slots_.size());
  const std::int64_t look = std::clamp(entry.deadline_, now_ + 1, now_ + rotation);
  link_before(slots_[static_cast<std::size_t>(look % rotation)], entry);
}

void TimerWheel::advance(MonotonicTime now) {
  const std::int64_t target = now / tick_;
  const auto rotation = static_cast<std::int64_t>(slots_.size());
  if (target - now_ > rotation) now_ = target - rotation;  // each slot once is enough
  while (now_ < target) {
    ++now_;
    look_at(slots_[static_cast<std::size_t>(now_ % rotation)]);
  }
}

void TimerWheel::look_at(Link& slot) {
  Link due;
  while (slot.next != &slot) {
    Link& link = *slot.next;
    unlink(link);
    link_before(due, link);
  }
  while (due.next != &due) {
    auto& entry = static_cast<Entry&>(*due.next);
    unlink(entry);
    const bool passed = entry.deadline_ <= now_;
    if (passed) entry.deadline_ = never;
    place(entry);
    if (passed) entry.on_deadline();
  }
}

}  // namespace slipway::beast
