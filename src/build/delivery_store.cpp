#include <slipway/build/delivery_store.hpp>

#include <optional>
#include <string>

#include <slipway/support/ulid.hpp>

#include "build/delivery_rows.hpp"
#include "storage/key_space.hpp"
#include "storage/row_walk.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

using key_space::Key;

Error unknown_delivery(std::string_view trigger, std::string_view id) {
  return Error(ErrorCode::not_found,
               slipway::format("trigger {} has no delivery {}; those it has are listed at "
                               "…/triggers/{}/deliveries",
                               trigger.substr(0, ulid_size), id.substr(0, ulid_size),
                               trigger.substr(0, ulid_size)));
}

Result<Delivery> read(const ReadView& view, std::string_view trigger, std::string_view id) {
  if (!is_ulid(trigger) || !is_ulid(id)) return unknown_delivery(trigger, id);
  SLIPWAY_TRY(const auto row, view.get(Key(key_space::delivery_record).text(trigger).text(id)));
  if (!row) return unknown_delivery(trigger, id);
  return parse_delivery_row(*row);
}

/// The oldest delivery of the first trigger whose deliveries begin at `from` or behind it.
Result<std::optional<Delivery>> oldest_from(const ReadView& view, std::string_view from,
                                            std::string_view prefix) {
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(const bool found, cursor->seek(from));
  if (!found || !cursor->key().starts_with(prefix)) return std::optional<Delivery>();
  SLIPWAY_TRY(Delivery delivery, parse_delivery_row(cursor->value()));
  return std::optional(std::move(delivery));
}

}  // namespace

Result<void> DeliveryStore::keep(const Delivery& delivery, std::string_view body) {
  return metadata_.write(
      [&](WriteTransaction& transaction) { return keep_within(transaction, delivery, body); });
}

Result<void> DeliveryStore::keep_within(WriteTransaction& transaction, const Delivery& delivery,
                                        std::string_view body) const {
  const Timestamp oldest_kept = delivery.received - limits_.kept;
  const std::string prefix = delivery_prefix(delivery.trigger);
  SLIPWAY_TRY(const auto trigger, transaction.get(Key(key_space::trigger).text(delivery.trigger)));
  if (!trigger) return {};
  SLIPWAY_CHECK(put_delivery(transaction, delivery, body));
  while (true) {
    SLIPWAY_TRY(const DeliveryTotals totals, read_delivery_totals(transaction, delivery.trigger));
    SLIPWAY_TRY(const auto oldest, oldest_from(transaction, prefix, prefix));
    if (!oldest || totals.count <= 1) return {};
    if (totals.count <= limits_.most && totals.bytes <= limits_.most_bytes &&
        oldest->received >= oldest_kept)
      return {};
    SLIPWAY_CHECK(erase_delivery(transaction, delivery.trigger, oldest->id));
  }
}

Result<Delivery> DeliveryStore::find(std::string_view trigger, std::string_view id) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  return read(*view, trigger, id);
}

Result<std::string> DeliveryStore::body(std::string_view trigger, std::string_view id) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const Delivery delivery, read(*view, trigger, id));
  return read_delivery_body(*view, delivery);
}

Result<DeliveryPage> DeliveryStore::list(std::string_view trigger, std::string_view after,
                                         std::size_t limit) const {
  if (!after.empty() && !is_ulid(after))
    return Error(ErrorCode::invalid_argument,
                 slipway::format("after: \"{}\" is not the id of a delivery", after.substr(0, 64)));
  const std::string prefix = delivery_prefix(trigger);
  DeliveryPage page;
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  const auto take = [&](const Cursor& row) -> Result<bool> {
    page.more = page.deliveries.size() == limit;
    if (page.more) return false;
    SLIPWAY_TRY(Delivery delivery, parse_delivery_row(row.value()));
    page.deliveries.push_back(std::move(delivery));
    return true;
  };
  SLIPWAY_CHECK(each_row_backwards(*view, prefix, after, take));
  return page;
}

Result<std::size_t> DeliveryStore::remove_old(Timestamp now, std::size_t limit) {
  const Timestamp oldest_kept = now - limits_.kept;
  std::size_t removed = 0;
  const auto remove = [&](WriteTransaction& transaction) -> Result<void> {
    removed = 0;
    std::string from(key_space::delivery_record);
    while (removed < limit) {
      SLIPWAY_TRY(const auto oldest, oldest_from(transaction, from, key_space::delivery_record));
      if (!oldest) return {};
      if (oldest->received < oldest_kept) {
        SLIPWAY_CHECK(erase_delivery(transaction, oldest->trigger, oldest->id));
        ++removed;
      } else {
        from = delivery_prefix(oldest->trigger) + '\xFF';  // the next trigger's
      }
    }
    return {};
  };
  SLIPWAY_CHECK(metadata_.write(remove));
  return removed;
}

}  // namespace slipway
