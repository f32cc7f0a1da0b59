// The rows of a trigger's deliveries, and what is written together. Prefixes: storage/key_space.hpp.
//
// Thread safety: pure functions over a view.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <slipway/build/delivery_store.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// How many deliveries a trigger has, and the bytes of their bodies.
struct DeliveryTotals {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

/// The beginning that the records of a trigger's deliveries share.
std::string delivery_prefix(std::string_view trigger);

/// Errors: io, corrupt.
Result<DeliveryTotals> read_delivery_totals(const ReadView& view, std::string_view trigger);

/// Errors: io, quota_exceeded.
Result<void> put_delivery(WriteTransaction& transaction, const Delivery& delivery,
                          std::string_view body);

/// False: it is not there. Errors: io, corrupt.
Result<bool> erase_delivery(WriteTransaction& transaction, std::string_view trigger,
                            std::string_view id);

/// All of a trigger's. Errors: io, corrupt.
Result<void> erase_deliveries(WriteTransaction& transaction, std::string_view trigger);

/// Errors: corrupt.
Result<Delivery> parse_delivery_row(std::string_view json);

/// The whole body. Errors: io, corrupt.
Result<std::string> read_delivery_body(const ReadView& view, const Delivery& delivery);

}  // namespace slipway
