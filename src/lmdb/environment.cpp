#include "lmdb/environment.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "support/file.hpp"
#include "support/format.hpp"

namespace slipway::lmdb {

namespace {

/// LMDB marks its lock file's descriptor itself, but not all of its others.
int close_on_exec(MDB_env* env) {
  int descriptor = -1;
  if (const int status = mdb_env_get_fd(env, &descriptor); status != 0) return status;
  return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 ? 0 : errno;
}

std::size_t whole_pages(std::uint64_t size) {
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return static_cast<std::size_t>((size + page - 1) / page * page);
}

template <class Value>
bool has_ended(const std::future<Value>& task) {
  return task.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

int open_database(MDB_env* env, unsigned flags, MDB_dbi& database) {
  MDB_txn* transaction = nullptr;
  if (const int status = mdb_txn_begin(env, nullptr, flags, &transaction); status != 0)
    return status;
  if (const int status = mdb_dbi_open(transaction, nullptr, 0, &database); status != 0) {
    mdb_txn_abort(transaction);
    return status;
  }
  return mdb_txn_commit(transaction);
}

}  // namespace

Result<void> Environment::open_lmdb() {
  MDB_env* raw = nullptr;
  if (const int status = mdb_env_create(&raw); status != 0) return error(status, "open");
  std::unique_ptr<MDB_env, Close> env(raw);
  int descriptor = -1;
  const auto set_up = [&] {
    if (const int status = mdb_env_set_mapsize(raw, whole_pages(options_.map_size)); status != 0)
      return status;
    constexpr unsigned own_readers = 2;  // pin_ and spare_
    if (const int status = mdb_env_set_maxreaders(raw, options_.max_readers + own_readers);
        status != 0)
      return status;
    const unsigned flags = options_.read_only ? MDB_RDONLY | MDB_NOLOCK : MDB_NOSYNC;
    if (const int status = mdb_env_open(raw, folder_.c_str(), MDB_NOTLS | flags, 0600); status != 0)
      return status;
    if (const int status = close_on_exec(raw); status != 0) return status;
    if (const int status = mdb_env_get_fd(raw, &descriptor); status != 0) return status;
    return open_database(raw, options_.read_only ? MDB_RDONLY : 0U, database_);
  };
  if (const int status = set_up(); status != 0) return error(status, "open");
  env_ = std::move(env);
  growth_.emplace(descriptor, whole_pages(options_.map_size));
  return {};
}

bool Environment::broken() const noexcept {
  return env_ == nullptr || must_recover_ || gave_up();
}

bool Environment::gave_up() const noexcept {
  MDB_txn* writer = nullptr;
  const int status = mdb_txn_begin(env_.get(), nullptr, 0, &writer);
  if (status == 0) mdb_txn_abort(writer);
  return status == MDB_PANIC;
}

Result<void> Environment::reserve(std::uint64_t bytes) {
  const int status = growth_->reach(used_bytes() + bytes);
  if (status != 0) return error(status, "grow");
  return {};
}

Result<void> Environment::append(std::string_view changes) {
  if (!journal_->has_room(changes.size()) && flush_.valid()) SLIPWAY_CHECK(end_checkpoint());
  if (!journal_->has_room(changes.size())) SLIPWAY_CHECK(checkpoint_for(changes.size()));
  Result<void> appended = advised(journal_->append(changes));
  appended_ = appended_ || appended;
  appended_since_write_out_ += changes.size();
  return appended;
}

void Environment::commit_failed(std::size_t transaction) noexcept {
  if (gave_up())
    in_doubt_ = transaction;
  else
    journal_->take_back();
}

/// A flush that failed is not tried again: Linux reports a page that was lost only once.
Result<void> Environment::checkpoint_for(std::uint64_t next_append) {
  give_up_checkpoint();
  if (must_recover_) return error(MDB_PANIC, "flush");
  if (const int status = mdb_env_sync(env_.get(), 1); status != 0) {
    must_recover_ = true;
    return error(status, "flush");
  }
  SLIPWAY_CHECK(advised(journal_->grow(next_append)));
  SLIPWAY_TRY(std::string meta_pages,
              read_meta_pages(2 * static_cast<std::size_t>(page_size())));
  if (const int status = mdb_txn_renew(spare_.get()); status != 0)
    return error(status, "keep a checkpoint");
  Result<void> begun = advised(journal_->begin({used_bytes(), std::move(meta_pages)}));
  if (begun) {
    std::swap(pin_, spare_);
    appended_ = false;
  }
  needs_checkpoint_ = !begun;
  mdb_txn_reset(spare_.get());
  return begun;
}

Result<Environment::Reader> Environment::reader() const {
  MDB_txn* transaction = nullptr;
  if (const int status = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &transaction); status != 0)
    return error(status, "keep a checkpoint");
  return Reader(transaction);
}

Result<std::string> Environment::read_meta_pages(std::size_t size) const {
  const std::filesystem::path path = data_file();
  SLIPWAY_TRY(const files::Descriptor file, files::open_file(path, O_RDONLY));
  std::string pages(size, '\0');
  SLIPWAY_TRY(const std::size_t count,
              files::read_at(file, path, 0, std::as_writable_bytes(std::span(pages))));
  if (count < pages.size())
    return Error(ErrorCode::corrupt, slipway::format("{} is cut short", path.native()));
  return pages;
}

/// What follows is not in it: neither the flush nor the note waits for a commit, nor the other way round.
Result<void> Environment::begin_checkpoint() {
  SLIPWAY_CHECK(advised(journal_->grow(0)));
  SLIPWAY_TRY(begun_.checkpoint.meta_pages,
              read_meta_pages(2 * static_cast<std::size_t>(page_size())));
  begun_.checkpoint.used_bytes = used_bytes();
  begun_.end = journal_->end();
  if (const int status = mdb_txn_renew(spare_.get()); status != 0)
    return error(status, "keep a checkpoint");
  try {
    flush_ = std::async(std::launch::async, [env = env_.get()] { return mdb_env_sync(env, 1); });
  } catch (const std::system_error&) {  // no thread is to be had
    return checkpoint();
  }
  return {};
}

/// Waits for the flush, if need be. Until it is noted down, both checkpoints have their reader.
Result<void> Environment::end_checkpoint() {
  if (const int status = flush_.get(); status != 0) {
    must_recover_ = true;
    mdb_txn_reset(spare_.get());
    return error(status, "flush");
  }
  Result<void> noted = advised(journal_->begin(std::move(begun_.checkpoint), begun_.end));
  if (noted) {
    std::swap(pin_, spare_);
    appended_ = !journal_->empty();
  }
  needs_checkpoint_ = !noted;
  mdb_txn_reset(spare_.get());
  return noted;
}

void Environment::give_up_checkpoint() noexcept {
  if (!flush_.valid()) return;
  must_recover_ = flush_.get() != 0 || must_recover_;
  mdb_txn_reset(spare_.get());
}

bool Environment::checkpoint_is_due() const noexcept {
  constexpr std::uint64_t most_growth = std::uint64_t{64} << 20U;
  if (must_recover_ || !appended_ || flush_.valid()) return false;
  const std::uint64_t before = journal_->checkpoint()->used_bytes;
  return journal_->is_half_full() ||
         used_bytes() > before + std::min(most_growth, map_reserve() / 2);
}

bool Environment::write_out_is_due() const noexcept {
  constexpr std::uint64_t piece = std::uint64_t{256} << 10U;
  return appended_since_write_out_ >= piece && (!write_out_.valid() || has_ended(write_out_));
}

/// Makes nothing durable. Without its flags to wait, sync_file_range(2) takes no error away from the
/// checkpoint's flush.
void Environment::begin_write_out() noexcept {
  appended_since_write_out_ = 0;
  int descriptor = -1;
  if (mdb_env_get_fd(env_.get(), &descriptor) != 0) return;
  try {
    write_out_ = std::async(std::launch::async, [descriptor] {
      (void)::sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
    });
  } catch (const std::system_error&) {  // no thread is to be had: the flush will do it all
  }
}

bool Environment::upkeep_is_due(bool somebody_waits) const noexcept {
  return (flush_.valid() && has_ended(flush_)) || checkpoint_is_due() ||
         (!somebody_waits && write_out_is_due());
}

Result<void> Environment::upkeep() {
  if (flush_.valid() && has_ended(flush_)) return end_checkpoint();
  if (checkpoint_is_due()) return begin_checkpoint();
  begin_write_out();
  return {};
}

/// LMDB says EIO of a write that was cut short, as the last one before a disk is full is.
int Environment::cause_of(int status) const {
  if (status != EIO) return status;
  constexpr std::uint64_t little = std::uint64_t{4} << 20U;
  const std::filesystem::path file = data_file();
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(file, failed);
  rlimit limit{};
  if (!failed && ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      size + little > limit.rlim_cur)
    return EFBIG;
  struct statvfs disk {};
  if (::statvfs(file.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < little) return ENOSPC;
  return status;
}

std::uint64_t Environment::used_bytes() const noexcept {
  MDB_envinfo info{};
  mdb_env_info(env_.get(), &info);
  return (static_cast<std::uint64_t>(info.me_last_pgno) + 1) * page_size();
}

std::size_t Environment::last_transaction() const noexcept {
  MDB_envinfo info{};
  mdb_env_info(env_.get(), &info);
  return info.me_last_txnid;
}

std::uint64_t Environment::page_size() const noexcept {
  MDB_stat stat{};
  mdb_env_stat(env_.get(), &stat);
  return stat.ms_psize;
}

std::uint64_t Environment::map_reserve() const noexcept {
  MDB_envinfo info{};
  mdb_env_info(env_.get(), &info);
  const auto map = static_cast<std::uint64_t>(info.me_mapsize);
  return std::min(std::max(map / 64, std::uint64_t{1} << 20U), map / 4);
}

bool Environment::map_is_tight() const noexcept {
  MDB_envinfo info{};
  mdb_env_info(env_.get(), &info);
  return info.me_mapsize < used_bytes() + 2 * map_reserve();
}

Result<void> Environment::copy_to(const std::filesystem::path& file) const {
  const int descriptor =
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0)
    return Error(errno == EEXIST ? ErrorCode::already_exists : ErrorCode::io,
                 slipway::format("cannot make {}: {}", file.native(), mdb_strerror(errno)));
  int status = mdb_env_copyfd2(env_.get(), descriptor, MDB_CP_COMPACT);
  if (status == MDB_INCOMPATIBLE) {  // pages that no tree has: an older LMDB lost some
    status = ::ftruncate(descriptor, 0) == 0 && ::lseek(descriptor, 0, SEEK_SET) == 0 ? 0 : errno;
    if (status == 0) status = mdb_env_copyfd2(env_.get(), descriptor, 0);
  }
  if (status == 0 && ::fsync(descriptor) != 0) status = errno;
  ::close(descriptor);
  if (status == 0) return {};
  (void)::unlink(file.c_str());
  return error(status, "copy");
}

/// An error of the journal's file, or of LMDB's, with what to do.
Result<void> Environment::advised(Result<void> done) {
  if (done) return done;
  Error error = std::move(done).error();
  if (error.code == ErrorCode::quota_exceeded)
    error.message += "; free space on this disk, or raise the limit that was met";
  else if (error.code == ErrorCode::io)
    error.message += "; the disk refuses it: look for its errors in the system's log";
  return error;
}

Error Environment::error(int status, std::string_view doing) const {
  status = cause_of(status);
  const auto make = [&](ErrorCode code, std::string_view advice) {
    return Error(code, slipway::format("metadata store {}: {}: {}{}", folder_.native(), doing,
                                       mdb_strerror(status), advice));
  };
  switch (status) {
    case MDB_MAP_FULL: {
      MDB_envinfo info{};
      mdb_env_info(env_.get(), &info);
      return make(ErrorCode::quota_exceeded,
                  slipway::format("; it is full at its limit of {} bytes, raise "
                                  "storage.metadata.lmdb.map_size",
                                  info.me_mapsize));
    }
    case ENOSPC:
    case EDQUOT:
      return make(ErrorCode::quota_exceeded, "; free space on the disk");
    case EFBIG:
      return make(ErrorCode::quota_exceeded, "; raise the limit of file sizes");
    case EMFILE:
    case ENFILE:
      return make(ErrorCode::unavailable, "; raise the limit of open files");
    case MDB_TXN_FULL:
      return make(ErrorCode::too_large, "; write less at once");
    case MDB_READERS_FULL:
      return make(ErrorCode::unavailable, "; too many snapshots are open");
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
      return make(ErrorCode::corrupt, "; restore it from a backup");
    case MDB_PANIC:
      return make(ErrorCode::io, "; an earlier flush failed and it could not be opened anew yet");
    default:
      return make(ErrorCode::io, "");
  }
}

}  // namespace slipway::lmdb
