#include "build/trigger_health.hpp"

#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

using key_space::Key;

Key health_key(std::string_view trigger) {
  return std::move(Key(key_space::trigger_health).text(trigger));
}

Result<void> put_health(WriteTransaction& transaction, std::string_view trigger,
                        const TriggerHealth& health) {
  std::string value;
  key_space::append_number(value, health.failures_in_a_row);
  key_space::append_number(value, health.paused ? static_cast<std::uint64_t>(
                                                      health.paused->time_since_epoch().count())
                                                : 0);
  return transaction.put(health_key(trigger), value);
}

}  // namespace

Result<TriggerHealth> read_health(const ReadView& view, std::string_view trigger) {
  TriggerHealth health;
  SLIPWAY_TRY(const auto row, view.get(health_key(trigger)));
  if (!row) return health;
  if (row->size() != 16)
    return Error(ErrorCode::corrupt,
                 slipway::format("trigger {}: the count of its failures is malformed", trigger));
  health.failures_in_a_row = static_cast<unsigned>(key_space::read_number(*row));
  if (const std::uint64_t paused = key_space::read_number(*row, 8); paused != 0)
    health.paused = Timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(paused)));
  return health;
}

Result<void> count_outcome(WriteTransaction& transaction, const Build& ended, Timestamp now) {
  if (!ended.request.trigger) return {};
  const std::string& trigger = ended.request.trigger->id;
  SLIPWAY_TRY(TriggerHealth health, read_health(transaction, trigger));
  if (ended.state == BuildState::succeeded) {
    if (health.failures_in_a_row == 0) return {};
    health.failures_in_a_row = 0;
    if (!health.paused) return erase_health(transaction, trigger);
    return put_health(transaction, trigger, health);
  }
  if (!ended.failure || ended.failure->failure_class != FailureClass::user) return {};
  SLIPWAY_TRY(const auto there, transaction.get(Key(key_space::trigger).text(trigger)));
  if (!there) return {};
  ++health.failures_in_a_row;
  if (!health.paused && health.failures_in_a_row >= failures_until_paused) health.paused = now;
  return put_health(transaction, trigger, health);
}

Result<void> erase_health(WriteTransaction& transaction, std::string_view trigger) {
  SLIPWAY_CHECK(transaction.erase(health_key(trigger)));
  return {};
}

}  // namespace slipway
