#include "build/delivery_rows.hpp"

#include <algorithm>
#include <utility>

#include "build/delivery_json.hpp"
#include "json/writer.hpp"
#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

using key_space::Key;

/// Of one row of a body.
constexpr std::size_t piece_size = std::size_t{1} << 20U;

Key record_key(std::string_view trigger, std::string_view id) {
  return std::move(Key(key_space::delivery_record).text(trigger).text(id));
}

Key piece_key(std::string_view trigger, std::string_view id, std::uint64_t offset) {
  return std::move(Key(key_space::delivery_body).text(trigger).text(id).number(offset));
}

Result<void> put_totals(WriteTransaction& transaction, std::string_view trigger,
                        const DeliveryTotals& totals) {
  const Key key = std::move(Key(key_space::delivery_totals).text(trigger));
  if (totals.count == 0) {
    SLIPWAY_CHECK(transaction.erase(key));
    return {};
  }
  std::string value;
  key_space::append_number(value, totals.count);
  key_space::append_number(value, totals.bytes);
  return transaction.put(key, value);
}

}  // namespace

std::string delivery_prefix(std::string_view trigger) {
  return Key(key_space::delivery_record).text(trigger).str();
}

Result<DeliveryTotals> read_delivery_totals(const ReadView& view, std::string_view trigger) {
  SLIPWAY_TRY(const auto row, view.get(Key(key_space::delivery_totals).text(trigger)));
  if (!row) return DeliveryTotals();
  if (row->size() != 16)
    return Error(ErrorCode::corrupt,
                 slipway::format("trigger {}: the count of its deliveries is malformed", trigger));
  return DeliveryTotals{key_space::read_number(*row), key_space::read_number(*row, 8)};
}

Result<void> put_delivery(WriteTransaction& transaction, const Delivery& delivery,
                          std::string_view body) {
  json::Writer json;
  json.begin_object();
  write_members(json, delivery);
  json.end_object();
  SLIPWAY_CHECK(transaction.put(record_key(delivery.trigger, delivery.id), json.str()));
  for (std::size_t offset = 0; offset < body.size(); offset += piece_size)
    SLIPWAY_CHECK(transaction.put(piece_key(delivery.trigger, delivery.id, offset),
                                  body.substr(offset, piece_size)));
  SLIPWAY_TRY(DeliveryTotals totals, read_delivery_totals(transaction, delivery.trigger));
  ++totals.count;
  totals.bytes += body.size();
  return put_totals(transaction, delivery.trigger, totals);
}

Result<bool> erase_delivery(WriteTransaction& transaction, std::string_view trigger,
                            std::string_view id) {
  const Key key = record_key(trigger, id);
  SLIPWAY_TRY(const auto row, transaction.get(key));
  if (!row) return false;
  SLIPWAY_TRY(const Delivery delivery, parse_delivery_row(*row));
  SLIPWAY_CHECK(transaction.erase(key));
  for (std::uint64_t offset = 0; offset < delivery.body_size; offset += piece_size)
    SLIPWAY_CHECK(transaction.erase(piece_key(trigger, delivery.id, offset)));
  SLIPWAY_TRY(DeliveryTotals totals, read_delivery_totals(transaction, trigger));
  totals.count -= std::min<std::uint64_t>(totals.count, 1);
  totals.bytes -= std::min(totals.bytes, delivery.body_size);
  SLIPWAY_CHECK(put_totals(transaction, trigger, totals));
  return true;
}

Result<void> erase_deliveries(WriteTransaction& transaction, std::string_view trigger) {
  const std::string prefix = delivery_prefix(trigger);
  while (true) {
    std::string id;
    {
      SLIPWAY_TRY(const auto cursor, transaction.cursor());
      SLIPWAY_TRY(const bool found, cursor->seek(prefix));
      if (!found || !cursor->key().starts_with(prefix)) return {};
      id = cursor->key().substr(prefix.size());
    }
    id.pop_back();  // the zero byte behind a text part
    SLIPWAY_CHECK(erase_delivery(transaction, trigger, id));
  }
}

Result<Delivery> parse_delivery_row(std::string_view text) {
  auto delivery = parse_delivery(text);
  if (!delivery) return Error(ErrorCode::corrupt, "a delivery: " + delivery.error().message);
  return delivery;
}

Result<std::string> read_delivery_body(const ReadView& view, const Delivery& delivery) {
  std::string body;
  while (body.size() < delivery.body_size) {
    SLIPWAY_TRY(const auto piece,
                view.get(piece_key(delivery.trigger, delivery.id, body.size())));
    if (!piece || piece->empty())
      return Error(ErrorCode::corrupt, slipway::format("delivery {} of trigger {}: its body is cut",
                                                       delivery.id, delivery.trigger));
    body.append(*piece);
  }
  return body;
}

}  // namespace slipway
