#include "lmdb/environment.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

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

/// LMDB writes its two meta pages into a new file and flushes them with the first commit; when only
/// parts of them reached the disk, it takes the file for none of its own.
Result<void> remove_half_made(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "data.mdb";
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error || size > 2 * static_cast<std::uintmax_t>(sysconf(_SC_PAGESIZE))) return {};
  std::filesystem::remove(file, error);
  if (!error) return {};
  return Error(ErrorCode::io,
               slipway::format("cannot remove {}: {}", file.native(), error.message()));
}

}  // namespace

Result<std::unique_ptr<Environment>> Environment::open(const std::filesystem::path& folder,
                                                       const LmdbOptions& options) {
  if (options.is_new) SLIPWAY_CHECK(remove_half_made(folder));
  std::unique_ptr<Environment> environment(new Environment(folder, options));
  SLIPWAY_CHECK(environment->open_once());
  return environment;
}

Result<void> Environment::open_once() {
  MDB_env* raw = nullptr;
  if (const int status = mdb_env_create(&raw); status != 0) return error(status, "open");
  std::unique_ptr<MDB_env, Close> env(raw);
  const auto set_up = [&] {
    if (const int status = mdb_env_set_mapsize(raw, whole_pages(options_.map_size)); status != 0)
      return status;
    if (const int status = mdb_env_set_maxreaders(raw, options_.max_readers); status != 0)
      return status;
    const unsigned flags = options_.read_only ? MDB_RDONLY | MDB_NOLOCK : 0U;
    if (const int status = mdb_env_open(raw, folder_.c_str(), MDB_NOTLS | flags, 0600); status != 0)
      return status;
    if (const int status = close_on_exec(raw); status != 0) return status;
    if (options_.read_only) return open_database(raw, MDB_RDONLY, database_);
    if (const int status = mdb_env_sync(raw, 1); status != 0) return status;
    return open_database(raw, 0, database_);
  };
  if (const int status = set_up(); status != 0) return error(status, "open");
  env_ = std::move(env);
  return {};
}

/// LMDB puts the old meta page back into the page cache when the new one could not be written. It
/// must be on the disk before pages that only the new one spares are written to: opening flushes it.
Result<void> Environment::reopen() {
  env_.reset();  // first: the lock file's table of readers is one for the process
  return open_once();
}

bool Environment::broken() const noexcept {
  if (env_ == nullptr) return true;
  MDB_txn* writer = nullptr;
  const int status = mdb_txn_begin(env_.get(), nullptr, 0, &writer);
  if (status == 0) mdb_txn_abort(writer);
  return status == MDB_PANIC;
}

std::size_t Environment::last_transaction() const noexcept {
  MDB_envinfo info{};
  mdb_env_info(env_.get(), &info);
  return info.me_last_txnid;
}

/// LMDB says EIO of a write that was cut short, as the last one before a disk is full is.
int Environment::cause_of(int status) const {
  if (status != EIO) return status;
  constexpr std::uint64_t little = std::uint64_t{4} << 20U;
  const std::filesystem::path file = folder_ / "data.mdb";
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
  MDB_stat stat{};
  mdb_env_info(env_.get(), &info);
  mdb_env_stat(env_.get(), &stat);
  return (static_cast<std::uint64_t>(info.me_last_pgno) + 1) * stat.ms_psize;
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
