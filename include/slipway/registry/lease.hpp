// LeaseTerms: how long one may rely on what nothing refers to yet.
//
// A blob of a repository, and a manifest, has a lease: when somebody last relied on it by pushing,
// mounting or asking for it (HEAD). Who was answered with success may rely on it for `promised`:
// within that time a manifest that names the blob can be pushed, whatever the garbage collector
// does meanwhile.
//
// A renewal is a write, so that not each HEAD makes one: a lease younger than an eighth of the
// promise is left as it is. To keep the promise all the same, a collector waits for a quarter
// longer: an eighth for renewals that were spared, and an eighth for transactions that took their
// time between looking at the clock and being durable. docs/garbage_collection.md has the proof.
//
// Thread safety: plain values.
#pragma once

#include <chrono>

#include <slipway/core/timestamp.hpp>

namespace slipway {

struct LeaseTerms {
  std::chrono::milliseconds promised = std::chrono::hours(24);

  /// Whoever relies on it now has to renew it first.
  [[nodiscard]] constexpr bool due(Timestamp renewed_at, Timestamp now) const noexcept {
    return renewed_at <= now - promised / 8;
  }
  /// Nobody may rely on it any more.
  [[nodiscard]] constexpr bool has_run_out(Timestamp renewed_at, Timestamp now) const noexcept {
    return renewed_at <= now - kept();
  }
  /// How long a collector leaves alone what was renewed.
  [[nodiscard]] constexpr std::chrono::milliseconds kept() const noexcept {
    return promised + promised / 4;
  }
};

}  // namespace slipway
