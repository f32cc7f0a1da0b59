// QueueSummary: the snapshot that scheduling decisions are functions of.
//
// It holds heads and counters of tenants, never a copy of the queue.
//
// Thread safety: a plain value.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <slipway/core/timestamp.hpp>

namespace slipway {

/// A build at the front of its tenant's queue.
struct QueueHead {
  std::string build;
  std::string repository;
  std::string platform;  // the first one asked for; empty: any
  int priority = 0;
};

struct TenantSummary {
  std::size_t queued = 0;
  std::size_t leased = 0;                 // starting or running
  std::optional<QueueHead> head;          // the next that may start now
  std::optional<Timestamp> next_ready;    // when none may start now: when the first may
};

struct QueueSummary {
  std::map<std::string, TenantSummary, std::less<>> tenants;
  std::map<std::string, std::size_t, std::less<>> leased_by_backend;
};

}  // namespace slipway
