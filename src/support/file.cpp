#include "support/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "support/format.hpp"

namespace slipway::files {

namespace {

ErrorCode code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorCode::quota_exceeded;
    case ENOENT:
      return ErrorCode::not_found;
    case EEXIST:
      return ErrorCode::already_exists;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

Descriptor::~Descriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

Error file_error(int error, std::string_view doing, const std::filesystem::path& path) {
  if (error == EMFILE || error == ENFILE)  // which one it was says nothing
    return Error(ErrorCode::unavailable,
                 "the server has as many files open as it may; try again, or raise its limit");
  return Error(code_of(error), slipway::format("cannot {} {}: {}", doing, path.native(),
                                               std::generic_category().message(error)));
}

Result<Descriptor> open_file(const std::filesystem::path& path, int flags, mode_t mode) {
  const int descriptor = open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode);
  if (descriptor < 0) return file_error(errno, "open", path);
  return Descriptor(descriptor);
}

Result<std::uint64_t> file_size(const Descriptor& file, const std::filesystem::path& path) {
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return file_error(errno, "examine", path);
  if (!S_ISREG(status.st_mode))
    return Error(ErrorCode::io, slipway::format("{} is not a regular file", path.native()));
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::size_t> read_at(const Descriptor& file, const std::filesystem::path& path,
                            std::uint64_t offset, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count =
        pread(file.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error(errno, "read", path);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<void> write_at(const Descriptor& file, const std::filesystem::path& path,
                      std::uint64_t& offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error(errno, "write", path);
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

void begin_write_out(const Descriptor& file, std::uint64_t offset, std::uint64_t size) noexcept {
  // It neither waits nor takes note of an error, which the flush that follows then tells.
  (void)sync_file_range(file.get(), static_cast<off_t>(offset), static_cast<off_t>(size),
                        SYNC_FILE_RANGE_WRITE);
}

Result<void> sync_file(const Descriptor& file, const std::filesystem::path& path) {
  // fdatasync also writes what is needed to find the bytes again: the size and the extents.
  if (fdatasync(file.get()) != 0) return file_error(errno, "flush", path);
  return {};
}

Result<void> sync_folder(const std::filesystem::path& path) {
  SLIPWAY_TRY(const Descriptor folder, open_file(path, O_RDONLY | O_DIRECTORY));
  if (fsync(folder.get()) != 0) return file_error(errno, "flush", path);
  return {};
}

Result<void> make_folder(const std::filesystem::path& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return file_error(errno, "make", path);
  return {};
}

}  // namespace slipway::files
