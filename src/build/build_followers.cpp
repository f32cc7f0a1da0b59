#include "build/build_followers.hpp"

#include "build/change_feed.hpp"
#include "build/trigger_health.hpp"

namespace slipway {

Result<void> follow_change(WriteTransaction& transaction, const Build* before, const Build& after,
                           Timestamp now) {
  SLIPWAY_CHECK(note_in_feed(transaction, after.id));
  const bool ended = is_final(after.state) && (before == nullptr || !is_final(before->state));
  if (ended) SLIPWAY_CHECK(count_outcome(transaction, after, now));
  return {};
}

}  // namespace slipway
