// QueueSummary: the snapshot that scheduling decisions are functions of.
//
// It holds the first builds and counters of repositories, never a copy of the queue. Keeping one up
// to date (BuildQueue::refresh) costs as much as changed since, not as much as there is.
//
// Thread safety: a plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/timestamp.hpp>

namespace slipway {

/// A build near the front of its repository's queue: it may start now.
struct QueueHead {
  std::string build;
  std::string repository;
  std::string platform;  // the first one asked for; empty: any
  std::string avoid;     // the backend on which the infrastructure failed it last; empty: none
  int priority = 0;

  friend bool operator==(const QueueHead&, const QueueHead&) = default;
};

/// The order within a tenant: the highest priority first, then the oldest.
struct QueueOrder {
  bool operator()(const QueueHead& a, const QueueHead& b) const noexcept {
    return a.priority != b.priority ? a.priority > b.priority : a.build < b.build;
  }
};

struct RepositorySummary {
  std::size_t queued = 0;        // those that may not start yet included
  std::size_t leased = 0;        // starting or running
  std::vector<QueueHead> heads;  // the first ones, at most `heads_kept`

  friend bool operator==(const RepositorySummary&, const RepositorySummary&) = default;
};

/// As many starts of one repository can be decided on at once.
inline constexpr std::size_t heads_kept = 8;

struct TenantSummary {
  std::size_t queued = 0;
  std::size_t leased = 0;
  std::map<std::string, RepositorySummary, std::less<>> repositories;
  std::set<QueueHead, QueueOrder> front;  // the heads of all of them
  std::optional<Timestamp> next_ready;    // when the first may start of those that may not yet
};

struct QueueSummary {
  std::map<std::string, TenantSummary, std::less<>> tenants;
  std::map<std::string, std::size_t, std::less<>> leased_by_backend;
  std::uint64_t version = 0;         // of the last refresh; 0: never
  std::vector<std::string> changed;  // tenants that the last refresh changed, each once

  /// Replaces what is known of a repository; one without builds is forgotten, and its tenant with
  /// its last one.
  void put(std::string_view repository, RepositorySummary&& now,
           std::optional<Timestamp> next_ready);
};

}  // namespace slipway
