#include "lmdb/room.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace slipway::lmdb {

namespace {

constexpr MDB_dbi free_list = 0;

/// A record of the free list is a count and that many page numbers. LMDB shows it to readers only.
int count_free_pages(MDB_env* env, std::int64_t& pages) {
  MDB_txn* raw = nullptr;
  if (const int status = mdb_txn_begin(env, nullptr, MDB_RDONLY, &raw); status != 0) return status;
  const auto abort = [](MDB_txn* reader) { mdb_txn_abort(reader); };
  const std::unique_ptr<MDB_txn, decltype(abort)> transaction(raw, abort);
  MDB_cursor* cursor = nullptr;
  if (const int status = mdb_cursor_open(raw, free_list, &cursor); status != 0) return status;
  MDB_val key{};
  MDB_val value{};
  int status = 0;
  while ((status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
    std::size_t count = 0;
    std::memcpy(&count, value.mv_data, std::min(sizeof count, value.mv_size));
    pages += static_cast<std::int64_t>(count);
  }
  mdb_cursor_close(cursor);
  return status == MDB_NOTFOUND ? 0 : status;
}

}  // namespace

Result<void> Room::measure(const Environment& environment) {
  tight_ = environment.map_is_tight();
  if (!tight_) return {};

  MDB_envinfo info{};
  mdb_env_info(environment.get(), &info);
  const auto page = static_cast<std::int64_t>(environment.page_size());
  left_ = static_cast<std::int64_t>(info.me_mapsize) -
          static_cast<std::int64_t>(environment.used_bytes() + environment.map_reserve());
  std::int64_t free_pages = 0;
  if (const int status = count_free_pages(environment.get(), free_pages); status != 0)
    return environment.error(status, "count free pages");
  left_ += free_pages * page;
  return {};
}

bool Room::end_closure() noexcept {
  if (!tight_ || growth_ <= 0) return false;
  left_ -= 2 * growth_;
  return left_ < 0;
}

}  // namespace slipway::lmdb
