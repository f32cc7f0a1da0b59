#include "lmdb/replay.hpp"

#include <string_view>
#include <utility>

#include "lmdb/view.hpp"

namespace slipway::lmdb {

namespace {

constexpr std::size_t bytes_at_once = std::size_t{8} << 20U;

}  // namespace

Replay::~Replay() {
  if (transaction_ != nullptr) mdb_txn_abort(transaction_);
}

int Replay::put_or_erase(const Change& change) {
  if (transaction_ == nullptr)
    if (const int status = mdb_txn_begin(env_, nullptr, 0, &transaction_); status != 0)
      return status;
  MDB_val key = as_value(change.key);
  MDB_val value = as_value(change.value.value_or(std::string_view()));
  const int status = change.value ? mdb_put(transaction_, database_, &key, &value, 0)
                                  : mdb_del(transaction_, database_, &key, nullptr);
  if (status != 0) return status;
  bytes_ += change.key.size() + value.mv_size;
  return bytes_ < bytes_at_once ? 0 : commit();
}

int Replay::commit() {
  bytes_ = 0;
  if (transaction_ == nullptr) return 0;
  return mdb_txn_commit(std::exchange(transaction_, nullptr));
}

}  // namespace slipway::lmdb
