#include "lmdb/view.hpp"

#include <string>

#include "storage/limits.hpp"

namespace slipway::lmdb {

namespace {

class LmdbCursor final : public Cursor {
 public:
  LmdbCursor(const Environment& environment, MDB_txn* transaction, const std::uint64_t* edits)
      : environment_(environment), transaction_(transaction), edits_(edits) {}

  ~LmdbCursor() override {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
  }
  LmdbCursor(const LmdbCursor&) = delete;
  LmdbCursor& operator=(const LmdbCursor&) = delete;

  Result<void> open() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
    cursor_ = nullptr;
    if (edits_ != nullptr) seen_edits_ = *edits_;
    const int status = mdb_cursor_open(transaction_, environment_.database(), &cursor_);
    if (status != 0) return environment_.error(status, "open a cursor");
    return {};
  }

  Result<bool> seek(std::string_view key) override {
    SLIPWAY_CHECK(keep_up());
    if (key.empty()) return move(MDB_FIRST);
    key_ = as_value(key);
    return move(MDB_SET_RANGE);
  }

  Result<bool> seek_before(std::string_view key) override {
    if (key.empty()) {
      standing_ = false;
      return false;
    }
    SLIPWAY_TRY(const bool found, seek(key));
    return move(found ? MDB_PREV : MDB_LAST);
  }

  Result<bool> next() override {
    if (!standing_) return false;
    if (!was_edited()) return move(MDB_NEXT);
    const std::string from = stood_on_;
    SLIPWAY_TRY(const bool found, seek(from));
    return found && as_text(key_) == from ? move(MDB_NEXT) : Result<bool>(found);
  }

  Result<bool> previous() override {
    if (!standing_) return false;
    if (!was_edited()) return move(MDB_PREV);
    const std::string from = stood_on_;
    return seek_before(from);
  }

  [[nodiscard]] std::string_view key() const override { return as_text(key_); }
  [[nodiscard]] std::string_view value() const override { return as_text(value_); }

 private:
  [[nodiscard]] bool was_edited() const { return edits_ != nullptr && *edits_ != seen_edits_; }

  /// LMDB's cursor is opened anew after a change, so that nothing depends on how LMDB adjusts it.
  Result<void> keep_up() { return was_edited() ? open() : Result<void>(); }

  Result<bool> move(MDB_cursor_op operation) {
    const int status = mdb_cursor_get(cursor_, &key_, &value_, operation);
    standing_ = status == 0;
    if (standing_ && edits_ != nullptr) stood_on_.assign(as_text(key_));
    if (status != 0 && status != MDB_NOTFOUND) return environment_.error(status, "move a cursor");
    return standing_;
  }

  const Environment& environment_;
  MDB_txn* const transaction_;
  const std::uint64_t* const edits_;
  std::uint64_t seen_edits_ = 0;
  MDB_cursor* cursor_ = nullptr;
  bool standing_ = false;
  std::string stood_on_;  // the key, in transactions only
  MDB_val key_{};
  MDB_val value_{};
};

}  // namespace

Result<std::optional<std::string_view>> get(const Environment& environment, MDB_txn* transaction,
                                            std::string_view key) {
  SLIPWAY_CHECK(check_key(key));
  MDB_val name = as_value(key);
  MDB_val value{};
  const int status = mdb_get(transaction, environment.database(), &name, &value);
  if (status == MDB_NOTFOUND) return std::optional<std::string_view>();
  if (status != 0) return environment.error(status, "get");
  return std::optional(as_text(value));
}

Result<std::unique_ptr<Cursor>> make_cursor(const Environment& environment, MDB_txn* transaction,
                                            const std::uint64_t* edits) {
  auto cursor = std::make_unique<LmdbCursor>(environment, transaction, edits);
  SLIPWAY_CHECK(cursor->open());
  return std::unique_ptr<Cursor>(std::move(cursor));
}

}  // namespace slipway::lmdb
