// The system calls on files that what is kept in files needs, with errors that name the path.
//
// Every file is opened with O_CLOEXEC, so that no child process inherits it, and with O_NOFOLLOW.
//
// Thread safety: a Descriptor belongs to one thread at a time; the functions may be called from
// any.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include <slipway/core/result.hpp>

namespace slipway::files {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

  [[nodiscard]] int get() const noexcept { return descriptor_; }

 private:
  int descriptor_ = -1;
};

/// `error` is an errno; `doing` is a verb: "write". The code is quota_exceeded when there is no
/// space or the file may not grow, unavailable when too many files are open, not_found,
/// already_exists, or io.
Error file_error(int error, std::string_view doing, const std::filesystem::path& path);

/// Errors: not_found, already_exists, quota_exceeded, unavailable, io.
Result<Descriptor> open_file(const std::filesystem::path& path, int flags, mode_t mode = 0600);

/// Bytes. Errors: io (also when it is not a regular file).
Result<std::uint64_t> file_size(const Descriptor& file, const std::filesystem::path& path);

/// Fewer than out.size() bytes only at the end. Errors: io.
Result<std::size_t> read_at(const Descriptor& file, const std::filesystem::path& path,
                            std::uint64_t offset, std::span<std::byte> out);

/// Writes all, or up to the error; `offset` moves past what was written. Errors: quota_exceeded,
/// io.
Result<void> write_at(const Descriptor& file, const std::filesystem::path& path,
                      std::uint64_t& offset, std::span<const std::byte> bytes);

/// Asks the disk to write a part of a file that is in the page cache, and does not wait for it. It
/// promises nothing: sync_file does.
void begin_write_out(const Descriptor& file, std::uint64_t offset, std::uint64_t size) noexcept;

/// The bytes and the size of a file survive a power cut. Errors: quota_exceeded, io.
Result<void> sync_file(const Descriptor& file, const std::filesystem::path& path);

/// The names in a folder survive a power cut. Errors: quota_exceeded, io.
Result<void> sync_folder(const std::filesystem::path& path);

/// Makes a folder that is not there yet, for this user only. Errors: quota_exceeded, io.
Result<void> make_folder(const std::filesystem::path& path);

}  // namespace slipway::files
