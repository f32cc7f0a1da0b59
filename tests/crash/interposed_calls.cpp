// libc's calls that change files, for the whole program: see recorder.hpp.
//
// Only what weakens durability must be complete. Calls that promise more than they are credited
// with (sync, syncfs, msync) or promise nothing (sync_file_range) are left to libc: a crash state
// then has lost more than a disk would, never less.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>

#include "tests/crash/recorder.hpp"

namespace slipway::crash {

namespace {

using Kind = Entry::Kind;
using File = std::shared_ptr<const Recorder::File>;

bool exists(int folder, const char* path) {
  struct stat status {};
  return fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

int open_file(int folder, const char* path, int flags, mode_t mode) {
  const auto call = [&] {
    return static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
  };
  Recorder* recorder = Recorder::active();
  if (recorder == nullptr) return call();
  const auto lock = recorder->lock();
  auto within = recorder->within(folder, path);
  if (!within) return call();
  const bool made = (flags & O_CREAT) != 0 && !exists(folder, path);
  const int descriptor = call();
  if (descriptor >= 0) recorder->opened(descriptor, std::move(*within), flags, made);
  return descriptor;
}

std::uint64_t write_position(int descriptor, const File& file, off_t offset) {
  struct stat status {};
  if (file->appends && fstat(descriptor, &status) == 0) offset = status.st_size;
  if (offset < 0) offset = lseek(descriptor, 0, SEEK_CUR);
  return static_cast<std::uint64_t>(offset);
}

std::string joined(const iovec* parts, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i)
    bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  return bytes;
}

/// `offset` below 0: where the descriptor stands.
template <class Call>
ssize_t write_parts(int descriptor, const iovec* parts, int count, off_t offset, const Call& call) {
  Recorder* recorder = Recorder::active();
  if (recorder == nullptr) return call();
  auto lock = recorder->lock();
  const File file = recorder->find(descriptor);
  if (!file) {
    lock.unlock();
    return call();
  }
  Entry entry{.kind = Kind::write, .number = file->handle};
  entry.offset = write_position(descriptor, file, offset);
  entry.bytes = joined(parts, count);
  if (!file->written_through) {
    const ssize_t done = call();
    if (done <= 0) return done;
    entry.bytes.resize(static_cast<std::size_t>(done));
    recorder->add(std::move(entry));
    return done;
  }

  Entry end{.kind = Kind::written_through, .number = file->handle, .offset = entry.offset};
  end.size = entry.bytes.size();
  recorder->add(std::move(entry));
  lock.unlock();
  const ssize_t done = call();
  lock.lock();
  if (done != static_cast<ssize_t>(end.size))
    end = {.kind = Kind::not_modelled, .path = "a failed or short write through to " + file->path};
  recorder->add(std::move(end));
  return done;
}

template <class Call>
int flush(int descriptor, const Call& call) {
  Recorder* recorder = Recorder::active();
  if (recorder == nullptr) return call();
  auto lock = recorder->lock();
  const File file = recorder->find(descriptor);
  const std::uint64_t number = file ? recorder->next_flush() : 0;
  if (file) recorder->add({.kind = Kind::flush_begin, .number = file->handle, .flush = number});
  lock.unlock();
  const int status = call();
  lock.lock();
  if (file && status == 0) recorder->add({.kind = Kind::flush_end, .flush = number});
  return status;
}

/// A call that changes an open file otherwise than by writing; `entry` says how.
template <class Call>
int change(int descriptor, Entry entry, const Call& call) {
  Recorder* recorder = Recorder::active();
  if (recorder == nullptr) return call();
  const auto lock = recorder->lock();
  const File file = recorder->find(descriptor);
  const int status = call();
  if (!file || status != 0) return status;
  entry.number = file->handle;
  recorder->add(std::move(entry));
  return status;
}

/// A call on names. An empty `target` stands for none.
template <class Call>
int change_names(Kind kind, std::pair<int, const char*> path, std::pair<int, const char*> target,
                 const Call& call) {
  Recorder* recorder = Recorder::active();
  if (recorder == nullptr) return call();
  const auto lock = recorder->lock();
  auto from = recorder->within(path.first, path.second);
  auto to = target.second == nullptr ? from : recorder->within(target.first, target.second);
  const int status = call();
  if (status != 0 || (!from && !to)) return status;
  if (from && to)
    recorder->add({.kind = kind, .path = std::move(*from), .target = std::move(*to)});
  else
    recorder->add({.kind = Kind::not_modelled, .path = "a rename or link out of the folder"});
  return status;
}

constexpr std::pair<int, const char*> no_target{-1, nullptr};

/// A call that lets the kernel copy: what it copied is read back.
template <class Call>
ssize_t copy(int descriptor, const off_t* offset, const Call& call) {
  Recorder* recorder = Recorder::active();
  if (recorder == nullptr) return call();
  const auto lock = recorder->lock();
  const File file = recorder->find(descriptor);
  if (!file) return call();
  Entry entry{.kind = Kind::write, .number = file->handle};
  entry.offset = write_position(descriptor, file, offset == nullptr ? -1 : *offset);
  const ssize_t done = call();
  if (done <= 0) return done;
  entry.bytes.resize(static_cast<std::size_t>(done));
  const std::string again = "/proc/self/fd/" + std::to_string(descriptor);
  const int reader = static_cast<int>(syscall(SYS_openat, AT_FDCWD, again.c_str(), O_RDONLY, 0));
  const ssize_t read =
      pread(reader, entry.bytes.data(), entry.bytes.size(), static_cast<off_t>(entry.offset));
  syscall(SYS_close, reader);
  if (file->written_through || read != done)
    entry = {.kind = Kind::not_modelled, .path = "a copy to " + file->path};
  recorder->add(std::move(entry));
  return done;
}

int allocate(int descriptor, int mode, off_t offset, off_t size) {
  const auto call = [&] {
    return static_cast<int>(syscall(SYS_fallocate, descriptor, mode, offset, size));
  };
  if (mode == FALLOC_FL_KEEP_SIZE) return call();
  if (mode != 0)
    return change(descriptor, {.kind = Kind::not_modelled, .path = "fallocate with a mode"}, call);
  struct stat status {};
  if (fstat(descriptor, &status) == 0 && status.st_size >= offset + size) return call();
  return change(descriptor,
                {.kind = Kind::truncate, .size = static_cast<std::uint64_t>(offset + size)}, call);
}

int duplicate(int descriptor, int copy) {
  Recorder* recorder = Recorder::active();
  if (recorder == nullptr || copy < 0) return copy;
  const auto lock = recorder->lock();
  recorder->duplicated(descriptor, copy);
  return copy;
}

mode_t mode_argument(int flags, std::va_list arguments) {
  if ((flags & O_CREAT) == 0 && (flags & O_TMPFILE) != O_TMPFILE) return 0;
  return va_arg(arguments, mode_t);
}

}  // namespace

}  // namespace slipway::crash

#pragma GCC visibility push(default)
// NOLINTBEGIN: these are libc's names and signatures.
using namespace slipway::crash;

extern "C" {

int open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return open_file(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return open_file(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return open_file(folder, path, flags, mode);
}
int openat64(int folder, const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return open_file(folder, path, flags, mode);
}
int creat(const char* path, mode_t mode) {
  return open_file(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int close(int descriptor) {
  Recorder* recorder = Recorder::active();
  if (recorder == nullptr) return static_cast<int>(syscall(SYS_close, descriptor));
  const auto lock = recorder->lock();
  recorder->closed(descriptor);
  return static_cast<int>(syscall(SYS_close, descriptor));
}
int dup(int descriptor) noexcept {
  return duplicate(descriptor, static_cast<int>(syscall(SYS_dup, descriptor)));
}
int dup3(int descriptor, int copy, int flags) noexcept {
  return duplicate(descriptor, static_cast<int>(syscall(SYS_dup3, descriptor, copy, flags)));
}
int dup2(int descriptor, int copy) noexcept {
  return descriptor == copy ? descriptor : dup3(descriptor, copy, 0);
}
int fcntl(int descriptor, int command, ...) {
  std::va_list arguments;
  va_start(arguments, command);
  const long argument = va_arg(arguments, long);
  va_end(arguments);
  const int result = static_cast<int>(syscall(SYS_fcntl, descriptor, command, argument));
  return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicate(descriptor, result) : result;
}

ssize_t write(int descriptor, const void* bytes, size_t size) {
  const iovec part{const_cast<void*>(bytes), size};
  return write_parts(descriptor, &part, 1, -1,
                     [&] { return syscall(SYS_write, descriptor, bytes, size); });
}
ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  const iovec part{const_cast<void*>(bytes), size};
  return write_parts(descriptor, &part, 1, offset,
                     [&] { return syscall(SYS_pwrite64, descriptor, bytes, size, offset); });
}
ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off_t offset) {
  return pwrite(descriptor, bytes, size, offset);
}
ssize_t writev(int descriptor, const iovec* parts, int count) {
  return write_parts(descriptor, parts, count, -1,
                     [&] { return syscall(SYS_writev, descriptor, parts, count); });
}
ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t offset) {
  return write_parts(descriptor, parts, count, offset, [&] {
    return syscall(SYS_pwritev, descriptor, parts, count, offset, off_t{0});
  });
}
ssize_t pwritev64(int descriptor, const iovec* parts, int count, off_t offset) {
  return pwritev(descriptor, parts, count, offset);
}
ssize_t copy_file_range(int from, off_t* from_offset, int to, off_t* to_offset, size_t size,
                        unsigned flags) {
  return copy(to, to_offset, [&] {
    return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, size, flags);
  });
}
ssize_t sendfile(int to, int from, off_t* offset, size_t size) noexcept {
  return copy(to, nullptr, [&] { return syscall(SYS_sendfile, to, from, offset, size); });
}
ssize_t sendfile64(int to, int from, off_t* offset, size_t size) noexcept {
  return sendfile(to, from, offset, size);
}
ssize_t splice(int from, off_t* from_offset, int to, off_t* to_offset, size_t size,
               unsigned flags) {
  return copy(to, to_offset, [&] {
    return syscall(SYS_splice, from, from_offset, to, to_offset, size, flags);
  });
}

int fsync(int descriptor) {
  return flush(descriptor, [&] { return static_cast<int>(syscall(SYS_fsync, descriptor)); });
}
int fdatasync(int descriptor) {
  return flush(descriptor, [&] { return static_cast<int>(syscall(SYS_fdatasync, descriptor)); });
}

int ftruncate(int descriptor, off_t size) noexcept {
  return change(descriptor, {.kind = Kind::truncate, .size = static_cast<std::uint64_t>(size)},
                [&] { return static_cast<int>(syscall(SYS_ftruncate, descriptor, size)); });
}
int ftruncate64(int descriptor, off_t size) noexcept {
  return ftruncate(descriptor, size);
}
int truncate(const char* path, off_t size) noexcept {
  const int descriptor = open_file(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  const int status = ftruncate(descriptor, size);
  const int error = errno;
  close(descriptor);
  errno = error;
  return status;
}
int truncate64(const char* path, off_t size) noexcept {
  return truncate(path, size);
}
int fallocate(int descriptor, int mode, off_t offset, off_t size) {
  return allocate(descriptor, mode, offset, size);
}
int fallocate64(int descriptor, int mode, off_t offset, off_t size) {
  return allocate(descriptor, mode, offset, size);
}
int posix_fallocate(int descriptor, off_t offset, off_t size) {
  return allocate(descriptor, 0, offset, size) == 0 ? 0 : errno;
}
int posix_fallocate64(int descriptor, off_t offset, off_t size) {
  return posix_fallocate(descriptor, offset, size);
}
void* mmap(void* address, size_t size, int protection, int flags, int descriptor,
           off_t offset) noexcept {
  const auto map = [&] {
    return reinterpret_cast<void*>(
        syscall(SYS_mmap, address, size, protection, flags, descriptor, offset));
  };
  const bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
  if (descriptor < 0 || !shared || (protection & PROT_WRITE) == 0) return map();
  void* mapped = MAP_FAILED;
  change(descriptor, {.kind = Kind::map}, [&] {
    mapped = map();
    return mapped == MAP_FAILED ? -1 : 0;
  });
  return mapped;
}
void* mmap64(void* address, size_t size, int protection, int flags, int descriptor,
             off_t offset) noexcept {
  return mmap(address, size, protection, flags, descriptor, offset);
}

int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  return change_names(Kind::make_folder, {folder, path}, no_target, [&] {
    return static_cast<int>(syscall(SYS_mkdirat, folder, path, mode));
  });
}
int mkdir(const char* path, mode_t mode) noexcept {
  return mkdirat(AT_FDCWD, path, mode);
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  return change_names(Kind::remove, {folder, path}, no_target, [&] {
    return static_cast<int>(syscall(SYS_unlinkat, folder, path, flags));
  });
}
int unlink(const char* path) noexcept {
  return unlinkat(AT_FDCWD, path, 0);
}
int rmdir(const char* path) noexcept {
  return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}
int remove(const char* path) noexcept {
  const int status = unlink(path);
  return status != 0 && errno == EISDIR ? rmdir(path) : status;
}
int renameat2(int folder, const char* path, int target_folder, const char* target,
              unsigned flags) noexcept {
  const Kind kind = (flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) == 0 ? Kind::rename
                                                                           : Kind::not_modelled;
  return change_names(kind, {folder, path}, {target_folder, target}, [&] {
    return static_cast<int>(syscall(SYS_renameat2, folder, path, target_folder, target, flags));
  });
}
int renameat(int folder, const char* path, int target_folder, const char* target) noexcept {
  return renameat2(folder, path, target_folder, target, 0);
}
int rename(const char* path, const char* target) noexcept {
  return renameat2(AT_FDCWD, path, AT_FDCWD, target, 0);
}
int linkat(int folder, const char* path, int target_folder, const char* target,
           int flags) noexcept {
  return change_names(Kind::link, {folder, path}, {target_folder, target}, [&] {
    return static_cast<int>(syscall(SYS_linkat, folder, path, target_folder, target, flags));
  });
}
int link(const char* path, const char* target) noexcept {
  return linkat(AT_FDCWD, path, AT_FDCWD, target, 0);
}
int symlinkat(const char* content, int folder, const char* path) noexcept {
  return change_names(Kind::not_modelled, {folder, path}, no_target, [&] {
    return static_cast<int>(syscall(SYS_symlinkat, content, folder, path));
  });
}
int symlink(const char* content, const char* path) noexcept {
  return symlinkat(content, AT_FDCWD, path);
}
int mknodat(int folder, const char* path, mode_t mode, dev_t device) noexcept {
  return change_names(Kind::not_modelled, {folder, path}, no_target, [&] {
    return static_cast<int>(syscall(SYS_mknodat, folder, path, mode, device));
  });
}

}  // extern "C"
// NOLINTEND
#pragma GCC visibility pop
