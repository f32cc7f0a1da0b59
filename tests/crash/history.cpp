#include "tests/crash/history.hpp"

#include <algorithm>

namespace slipway::crash {

std::string to_string(const Fact& fact) {
  switch (fact.kind) {
    case Fact::Kind::repository:
      return "repository " + fact.repository;
    case Fact::Kind::blob:
      return "blob " + fact.name + " in " + fact.repository;
    case Fact::Kind::manifest:
      return "manifest " + fact.name + " in " + fact.repository;
    case Fact::Kind::tag:
      return "tag " + fact.repository + ":" + fact.name;
    case Fact::Kind::content:
      return "content " + fact.name;
    case Fact::Kind::upload:
      return "upload " + fact.name + " to " + fact.repository;
  }
  return "unknown";
}

History::History(const std::vector<Action>& actions) : actions_(actions) {
  for (std::uint64_t number = 0; number < actions.size(); ++number)
    for (const Effect& effect : actions[number].effects)
      effects_[effect.fact].push_back({number, &effect});
}

void History::apply(const Entry& entry) {
  ++time_;
  switch (entry.kind) {
    case Entry::Kind::begin:
      spans_[entry.number].begin = time_;
      break;
    case Entry::Kind::succeed:
      spans_[entry.number].end = time_;
      spans_[entry.number].outcome = Outcome::succeeded;
      break;
    case Entry::Kind::fail:
      spans_[entry.number].end = time_;
      spans_[entry.number].outcome = Outcome::failed;
      break;
    case Entry::Kind::kill:  // it did what it did, and nobody was told
      for (auto& [action, span] : spans_) span.end = std::min(span.end, time_);
      break;
    default:
      break;
  }
}

std::set<Fact> History::facts() const {
  std::set<Fact> facts;
  for (const auto& [fact, effects] : effects_) facts.insert(fact);
  return facts;
}

bool History::acknowledged(std::uint64_t action) const {
  const auto found = spans_.find(action);
  return found != spans_.end() && found->second.outcome == Outcome::succeeded;
}

/// The first is the beginning, when nothing was there.
History::Writes History::writes_of(const Fact& fact) const {
  static const Effect nothing{};
  static const Action beginning{};
  Writes writes = {{{0, 0, Outcome::succeeded}, &nothing, &beginning}};
  const auto effects = effects_.find(fact);
  if (effects == effects_.end()) return writes;
  for (const auto& [number, effect] : effects->second) {
    const auto found = spans_.find(number);
    if (found == spans_.end() || found->second.outcome == Outcome::failed) continue;
    if (actions_[number].observes && found->second.outcome != Outcome::succeeded) continue;
    writes.push_back({found->second, effect, &actions_[number]});
  }
  return writes;
}

bool History::replaces(const Write& later, const Write& earlier) {
  if (!certain(later) || later.span.begin <= earlier.span.end) return false;
  return !later.effect->only_if || *later.effect->only_if == earlier.effect->value;
}

/// A write with a condition has one that it may have met: a value that nothing certain replaced by
/// another before.
bool History::found_its_value(const Write& write, const Writes& writes) {
  if (!write.effect->only_if) return true;
  return std::any_of(writes.begin(), writes.end(), [&](const Write& before) {
    if (before.effect->value != *write.effect->only_if || before.span.begin > write.span.end)
      return false;
    return std::none_of(writes.begin(), writes.end(), [&](const Write& between) {
      return !between.effect->only_if && replaces(between, before);
    });
  });
}

bool History::leases(const Write& other, const Write& write) {
  const bool asking_renews = write.effect->fact.kind != Fact::Kind::tag;
  return certain(other) && !other.effect->value.empty() &&
         (asking_renews || !other.action->observes) &&
         other.action->at + write.effect->possible->lease > write.action->at;
}

bool History::is_held(const Write& write) const {
  const auto& holders = write.effect->possible->held_by;
  return std::any_of(holders.begin(), holders.end(), [&](const auto& holder) {
    return held_throughout(holder.first, holder.second, write.span);
  });
}

bool History::cannot_happen(const Write& write, const Writes& writes) const {
  if (!write.effect->possible) return false;
  return is_held(write) || std::any_of(writes.begin(), writes.end(), [&](const Write& other) {
           return other.span.end < write.span.begin && leases(other, write);
         });
}

/// Whichever came first of it and one that began a lease: the other replaced it, or the lease held.
bool History::cannot_be_last(const Write& write, const Writes& writes) const {
  if (!write.effect->possible) return false;
  return is_held(write) || std::any_of(writes.begin(), writes.end(), [&](const Write& other) {
           return leases(other, write);
         });
}

/// One that was answered before wrote it, and nothing after that can have replaced it by another.
bool History::held_throughout(const Fact& fact, const Value& value, const Span& span) const {
  const Writes writes = writes_of(fact);
  const auto ends = [&](const Write& holder, const Write& other) {
    const Effect& effect = *other.effect;
    return effect.value != value && (!effect.only_if || *effect.only_if == value) &&
           other.span.end > holder.span.begin && other.span.begin < span.end &&
           !cannot_happen(other, writes);
  };
  return std::any_of(writes.begin(), writes.end(), [&](const Write& holder) {
    return certain(holder) && holder.effect->value == value && holder.span.end < span.begin &&
           std::none_of(writes.begin(), writes.end(),
                        [&](const Write& other) { return ends(holder, other); });
  });
}

std::set<Value> History::allowed(const Fact& fact) const {
  const Writes writes = writes_of(fact);
  std::set<Value> values;
  for (const Write& write : writes) {
    const bool replaced = std::any_of(writes.begin(), writes.end(), [&](const Write& later) {
      return replaces(later, write);
    });
    if (!replaced && !values.contains(write.effect->value) && found_its_value(write, writes) &&
        !cannot_be_last(write, writes))
      values.insert(write.effect->value);
  }
  return values;
}

}  // namespace slipway::crash
