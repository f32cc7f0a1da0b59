#include "support/copy_file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <vector>

#include "support/file.hpp"

namespace slipway::files {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_size = std::size_t{1} << 20U;

/// Where the kernel cannot copy between these two by itself.
Result<void> copy_through_memory(const Descriptor& from, const fs::path& from_path,
                                 const Descriptor& to, const fs::path& to_path,
                                 std::uint64_t offset) {
  std::vector<std::byte> piece(piece_size);
  while (true) {
    SLIPWAY_TRY(const std::size_t count, read_at(from, from_path, offset, piece));
    if (count == 0) return {};
    SLIPWAY_CHECK(write_at(to, to_path, offset, std::span(piece).first(count)));
  }
}

Result<void> copy_bytes(const Descriptor& from, const fs::path& from_path, const Descriptor& to,
                        const fs::path& to_path) {
  if (ioctl(to.get(), FICLONE, from.get()) == 0) return {};
  off_t from_offset = 0;
  off_t to_offset = 0;
  while (true) {
    const ssize_t count =
        copy_file_range(from.get(), &from_offset, to.get(), &to_offset, piece_size * 64, 0);
    if (count > 0 || (count < 0 && errno == EINTR)) continue;
    if (count == 0 && to_offset > 0) return {};
    if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
      return file_error(errno, "write", to_path);
    return copy_through_memory(from, from_path, to, to_path, static_cast<std::uint64_t>(to_offset));
  }
}

}  // namespace

Result<bool> link_or_copy(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return true;
  if (errno == EEXIST || errno == ENOENT || errno == ENOSPC || errno == EDQUOT || errno == EIO)
    return file_error(errno, "link", errno == EEXIST ? to : from);
  SLIPWAY_CHECK(copy_whole_file(from, to));
  return false;
}

Result<std::uint64_t> copy_whole_file(const fs::path& from, const fs::path& to) {
  SLIPWAY_TRY(const Descriptor source, open_file(from, O_RDONLY));
  SLIPWAY_TRY(const Descriptor target, open_file(to, O_RDWR | O_CREAT | O_EXCL));
  Result<void> copied = copy_bytes(source, from, target, to);
  if (copied) copied = sync_file(target, to);
  if (!copied) {
    (void)::unlink(to.c_str());
    return std::move(copied).error();
  }
  return file_size(target, to);
}

}  // namespace slipway::files
