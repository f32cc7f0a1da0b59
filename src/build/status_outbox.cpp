#include "build/status_outbox.hpp"

#include <optional>
#include <utility>
#include <variant>

#include "storage/key_space.hpp"

namespace slipway {
namespace {

using key_space::Key;

Key row_key(std::string_view build) {
  return std::move(Key(key_space::status_outbox).text(build));
}

Key wanted_key(std::string_view trigger) {
  return std::move(Key(key_space::status_wanted).text(trigger));
}

std::string encode(const PendingStatus& pending) {
  std::string row;
  key_space::append_number(row, pending.revision);
  key_space::append_number(row, pending.attempts);
  key_space::append_number(row,
                           static_cast<std::uint64_t>(pending.due.time_since_epoch().count()));
  return row;
}

Result<PendingStatus> decode(std::string_view build, std::string_view row) {
  if (row.size() != 24) return Error(ErrorCode::corrupt, "the outbox has a malformed row");
  return PendingStatus{std::string(build), key_space::read_number(row),
                       key_space::read_number(row, 8),
                       Timestamp(std::chrono::milliseconds(
                           static_cast<std::int64_t>(key_space::read_number(row, 16))))};
}

Result<std::optional<PendingStatus>> find(const ReadView& view, std::string_view build) {
  SLIPWAY_TRY(const auto row, view.get(row_key(build)));
  if (!row) return std::optional<PendingStatus>();
  SLIPWAY_TRY(PendingStatus pending, decode(build, *row));
  return std::optional(std::move(pending));
}

}  // namespace

Result<void> want_statuses(WriteTransaction& transaction, std::string_view trigger, bool wanted) {
  if (wanted) return transaction.put(wanted_key(trigger), "");
  SLIPWAY_CHECK(transaction.erase(wanted_key(trigger)));
  return {};
}

Result<void> queue_status(WriteTransaction& transaction, const Build& build, Timestamp now) {
  const auto* git = std::get_if<GitSource>(&build.request.source);
  if (!build.request.trigger || git == nullptr || git->commit.empty()) return {};
  SLIPWAY_TRY(const auto wanted, transaction.get(wanted_key(build.request.trigger->id)));
  if (!wanted) return {};
  SLIPWAY_TRY(const auto before, find(transaction, build.id));
  const PendingStatus pending{build.id, before ? before->revision + 1 : 1, 0, now};
  SLIPWAY_CHECK(transaction.put(row_key(build.id), encode(pending)));
  transaction.notify(outbox_topic);
  return {};
}

Result<std::vector<PendingStatus>> pending_statuses(const ReadView& view, std::size_t limit) {
  std::vector<PendingStatus> found;
  const std::string_view prefix = key_space::status_outbox;
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(bool there, cursor->seek(prefix));
  while (there && found.size() < limit && cursor->key().starts_with(prefix)) {
    std::string_view build = cursor->key().substr(prefix.size());
    build.remove_suffix(1);  // the zero byte behind a text part
    SLIPWAY_TRY(PendingStatus pending, decode(build, cursor->value()));
    found.push_back(std::move(pending));
    SLIPWAY_TRY(there, cursor->next());
  }
  return found;
}

Result<void> settle_status(MetadataStore& metadata, const PendingStatus& sent) {
  return metadata.write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const auto now, find(transaction, sent.build));
    if (now && now->revision == sent.revision)
      SLIPWAY_CHECK(transaction.erase(row_key(sent.build)));
    return {};
  });
}

Result<void> postpone_status(MetadataStore& metadata, const PendingStatus& failed, Timestamp due) {
  return metadata.write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(auto now, find(transaction, failed.build));
    if (!now || now->revision != failed.revision) return {};
    now->attempts = failed.attempts + 1;
    now->due = due;
    return transaction.put(row_key(failed.build), encode(*now));
  });
}

}  // namespace slipway
