// History: what a registry's callers were told, and so what may be found after a crash.
//
// Every fact (is this blob in that repository, what does a tag point to) is a register. An action
// writes some of them, in one go, at some moment between its beginning and its answer; one without
// an answer may have done so or not. A value may be found when no action that was acknowledged
// replaced it for certain, that is, began after the value's own action had been answered.
//
// What a reader was shown is evidence too: it counts as a write of the value that he saw, since no
// reader may see what a power cut can take back.
//
// Garbage collection tells nobody what it removed: an effect that is only possible never replaces
// another for certain. It is ruled out where a lease holds, or where something that certainly was
// there all the while refers to what would go.
//
// Thread safety: one thread at a time.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <slipway/core/timestamp.hpp>

#include "tests/crash/call_log.hpp"

namespace slipway::crash {

struct Fact {
  enum class Kind : std::uint8_t {
    repository,  // it is listed
    blob,        // name: a digest; it is in the repository
    manifest,    // name: a digest; it is in the repository
    tag,         // name: a tag; the value is its manifest's digest
    content,     // name: a digest; its bytes are in the store
    upload,      // name: an upload; how it ended: "blob" or "nothing"
  };
  Kind kind{};
  std::string repository{};
  std::string name{};

  friend auto operator<=>(const Fact&, const Fact&) = default;
};

std::string to_string(const Fact& fact);

/// A fact's value; empty where there is nothing.
using Value = std::string;
inline const Value present = "there";

/// Why what may happen cannot have happened after all.
struct Unless {
  /// Somebody was told within this time that the value is there.
  std::chrono::milliseconds lease{0};
  /// One of these facts had its value for as long as the action took.
  std::vector<std::pair<Fact, Value>> held_by{};
};

struct Effect {
  Fact fact;
  Value value{};
  std::optional<Value> only_if{};  // it has no effect on another value
  std::optional<Unless> possible{};  // whether it happened is not told
};

struct Action {
  std::string what;
  std::vector<Effect> effects{};
  bool observes = false;  // its effects are what a reader saw
  Timestamp at{};         // the time does not pass while it runs
};

class History {
 public:
  /// By number: all that there will be; they must outlive the History.
  explicit History(const std::vector<Action>& actions);

  /// The log's next entry; only those of actions matter.
  void apply(const Entry& entry);

  /// Every fact that any action is about, those to come too.
  [[nodiscard]] std::set<Fact> facts() const;
  /// What may be found.
  [[nodiscard]] std::set<Value> allowed(const Fact& fact) const;
  [[nodiscard]] bool acknowledged(std::uint64_t action) const;

 private:
  static constexpr std::uint64_t never = ~std::uint64_t{0};
  enum class Outcome : std::uint8_t { unknown, succeeded, failed };
  struct Span {
    std::uint64_t begin = 0;
    std::uint64_t end = never;
    Outcome outcome = Outcome::unknown;
  };
  struct Write {
    Span span;
    const Effect* effect;
    const Action* action;
  };
  using Writes = std::vector<Write>;

  [[nodiscard]] static bool certain(const Write& write) {
    return write.span.outcome == Outcome::succeeded && !write.effect->possible;
  }
  static bool replaces(const Write& later, const Write& earlier);
  static bool found_its_value(const Write& write, const Writes& writes);
  [[nodiscard]] bool cannot_happen(const Write& write, const Writes& writes) const;
  [[nodiscard]] bool cannot_be_last(const Write& write, const Writes& writes) const;
  static bool leases(const Write& other, const Write& write);
  [[nodiscard]] bool is_held(const Write& write) const;
  [[nodiscard]] bool held_throughout(const Fact& fact, const Value& value, const Span& span) const;
  [[nodiscard]] Writes writes_of(const Fact& fact) const;

  struct EffectOf {
    std::uint64_t action;
    const Effect* effect;
  };

  const std::vector<Action>& actions_;
  std::map<Fact, std::vector<EffectOf>> effects_;
  std::map<std::uint64_t, Span> spans_;
  std::uint64_t time_ = 0;
};

}  // namespace slipway::crash
