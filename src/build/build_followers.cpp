#include "build/build_followers.hpp"

#include "build/build_events.hpp"
#include "build/change_feed.hpp"
#include "build/status_outbox.hpp"
#include "build/trigger_health.hpp"

namespace slipway {

Result<void> follow_change(WriteTransaction& transaction, const Build* before, const Build& after,
                           Timestamp now) {
  SLIPWAY_CHECK(note_in_feed(transaction, after.id));
  SLIPWAY_CHECK(announce_build(transaction, before, after, now));
  // What its provider is told is the same while it starts.
  if (after.state != BuildState::starting && (before == nullptr || before->state != after.state))
    SLIPWAY_CHECK(queue_status(transaction, after, now));
  const bool ended = is_final(after.state) && (before == nullptr || !is_final(before->state));
  if (ended) SLIPWAY_CHECK(count_outcome(transaction, after, now));
  return {};
}

}  // namespace slipway
