#include "lmdb/transaction.hpp"

#include <utility>

#include "lmdb/changes.hpp"
#include "storage/limits.hpp"
#include "storage/run_closure.hpp"

namespace slipway::lmdb {

Transaction::~Transaction() { abort(); }

void Transaction::abort() noexcept {
  if (transaction_ != nullptr) mdb_txn_abort(std::exchange(transaction_, nullptr));
}

Result<void> Transaction::begin() {
  const int status = mdb_txn_begin(environment_.get(), nullptr, 0, &transaction_);
  if (status != 0) return environment_.error(status, "begin a transaction");
  log_.clear();
  return room_.measure(environment_);
}

Result<void> Transaction::run(const MetadataStore::Write& closure) {
  const std::size_t topics = topics_.size();
  room_.begin_closure();
  Result<void> result = run_closure(closure, *this);
  if (broken_)
    result = *broken_;
  else if (result && room_.end_closure())
    result = environment_.error(MDB_MAP_FULL, "put");
  if (!result) topics_.resize(topics);
  return result;
}

Result<void> Transaction::put(std::string_view key, std::string_view value) {
  SLIPWAY_CHECK(check_key(key));
  SLIPWAY_CHECK(check_value(value));
  if (room_.is_tight()) {
    SLIPWAY_TRY(const auto present, get(key));
    if (present) room_.remove(key.size() + present->size());
    room_.add(key.size() + value.size());
  }
  ++edits_;
  MDB_val name = as_value(key);
  MDB_val bytes = as_value(value);
  const int status = mdb_put(transaction_, environment_.database(), &name, &bytes, 0);
  if (status != 0) return break_off(status, "put");
  append_put(log_, key, value);
  return {};
}

Result<bool> Transaction::erase(std::string_view key) {
  SLIPWAY_TRY(const auto present, get(key));
  if (!present) return false;
  room_.remove(key.size() + present->size());
  ++edits_;
  MDB_val name = as_value(key);
  const int status = mdb_del(transaction_, environment_.database(), &name, nullptr);
  if (status != 0) return break_off(status, "erase");
  append_erase(log_, key);
  return true;
}

std::uint64_t Transaction::most_growth() const noexcept {
  constexpr std::uint64_t pages_of_a_change = 12;
  constexpr std::uint64_t pages_of_a_commit = 64;  // LMDB's own list of free pages
  return 2 * log_.size() +
         (edits_ * pages_of_a_change + pages_of_a_commit) * environment_.page_size();
}

Result<void> Transaction::commit() {
  const int status = mdb_txn_commit(std::exchange(transaction_, nullptr));
  if (status != 0) return environment_.error(status, "commit");
  return {};
}

Error Transaction::break_off(int status, std::string_view doing) {
  Error error = environment_.error(status, doing);
  if (!broken_) broken_ = error;
  return error;
}

}  // namespace slipway::lmdb
