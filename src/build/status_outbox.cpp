#include "build/status_outbox.hpp"

#include <string>
#include <utility>
#include <variant>

#include "notify/outbox.hpp"
#include "storage/key_space.hpp"

namespace slipway {
namespace {

using key_space::Key;

Key wanted_key(std::string_view trigger) {
  return std::move(Key(key_space::status_wanted).text(trigger));
}

}  // namespace

Result<void> want_statuses(WriteTransaction& transaction, std::string_view trigger,
                           std::string_view api) {
  return transaction.put(wanted_key(trigger), outbox::destination_of(api));
}

Result<void> want_no_statuses(WriteTransaction& transaction, std::string_view trigger) {
  SLIPWAY_CHECK(transaction.erase(wanted_key(trigger)));
  return {};
}

Result<void> queue_status(WriteTransaction& transaction, const Build& build, Timestamp now) {
  const auto* git = std::get_if<GitSource>(&build.request.source);
  if (!build.request.trigger || git == nullptr || git->commit.empty()) return {};
  SLIPWAY_TRY(const auto wanted, transaction.get(wanted_key(build.request.trigger->id)));
  if (!wanted) return {};
  // A trigger that an earlier version made does not say where.
  const std::string destination =
      wanted->empty() ? outbox::destination_of(git->url) : std::string(*wanted);
  return outbox::put(transaction, OutboxKind::status, build.id, destination, now);
}

}  // namespace slipway
