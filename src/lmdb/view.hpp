// Reading through an LMDB transaction, of either kind.
//
// Thread safety: one thread at a time, as the transaction.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

#include "lmdb/environment.hpp"

namespace slipway::lmdb {

inline std::string_view as_text(const MDB_val& value) noexcept {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}
/// LMDB takes pointers to mutable bytes and does not change them.
inline MDB_val as_value(std::string_view bytes) noexcept {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // NOLINT(*-const-cast)
}

Result<std::optional<std::string_view>> get(const Environment& environment, MDB_txn* transaction,
                                            std::string_view key);

/// `edits` counts the transaction's changes, so that the cursor finds its way again after one;
/// nullptr for a snapshot, which does not change.
Result<std::unique_ptr<Cursor>> make_cursor(const Environment& environment, MDB_txn* transaction,
                                            const std::uint64_t* edits);

/// What snapshots and transactions share. Base is the interface.
template <class Base>
class View : public Base {
 public:
  Result<std::optional<std::string_view>> get(std::string_view key) const override {
    return lmdb::get(environment_, transaction_, key);
  }

  Result<void> get_many(std::span<const std::string_view> keys,
                        std::span<std::optional<std::string_view>> values) const override {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      SLIPWAY_TRY(values[i], get(keys[i]));
    }
    return {};
  }

  Result<std::unique_ptr<Cursor>> cursor() const override {
    return make_cursor(environment_, transaction_, edits());
  }

 protected:
  View(const Environment& environment, MDB_txn* transaction)
      : environment_(environment), transaction_(transaction) {}

  [[nodiscard]] virtual const std::uint64_t* edits() const noexcept { return nullptr; }

  const Environment& environment_;
  MDB_txn* transaction_;
};

}  // namespace slipway::lmdb
