#include "archive/tar_create.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "archive/tree_writer.hpp"

namespace slipway {
namespace {

using archive::Descriptor;
namespace fs = std::filesystem;

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using Entry = std::unique_ptr<archive_entry, FreeEntry>;

struct FreeArchive {
  void operator()(struct archive* writer) const { archive_write_free(writer); }
};

Error failed(const fs::path& path, std::string_view what, int code = errno) {
  return Error(code == ENOENT ? ErrorCode::not_found : ErrorCode::io,
               path.string().append(": ").append(what).append(": ").append(
                   std::generic_category().message(code)));
}

class Creation {
 public:
  Creation(const fs::path& folder, const ByteSink& sink, const TarCreateOptions& options)
      : folder_(folder), sink_(sink), options_(options) {}

  Result<void> run();

 private:
  Result<void> add_folder(const std::string& name);
  Result<void> add(const std::string& name, const struct stat& status);
  Result<void> add_data(const fs::path& path, std::uint64_t size);
  Result<void> write_header(const std::string& name, const struct stat& status);
  Result<void> write_pending_folders();
  [[nodiscard]] Error refused() const;

  static la_ssize_t take(struct archive* writer, void* self, const void* bytes, std::size_t size);

  const fs::path& folder_;
  const ByteSink& sink_;
  const TarCreateOptions& options_;
  std::unique_ptr<struct archive, FreeArchive> writer_;
  std::optional<Error> error_;  // the sink's
  /// Folders on the way to here whose entries were not written yet.
  std::vector<std::pair<std::string, struct stat>> pending_;
};

la_ssize_t Creation::take(struct archive* writer, void* self, const void* bytes, std::size_t size) {
  auto& creation = *static_cast<Creation*>(self);
  auto result = creation.sink_(std::span(static_cast<const std::byte*>(bytes), size));
  if (result) return static_cast<la_ssize_t>(size);
  creation.error_ = std::move(result).error();
  archive_set_error(writer, EIO, "the sink failed");
  return -1;
}

Error Creation::refused() const {
  if (error_) return *error_;
  const char* text = archive_error_string(writer_.get());
  return Error(ErrorCode::io,
               std::string("the archive cannot be written: ") + (text != nullptr ? text : ""));
}

Result<void> Creation::run() {
  struct stat status {};
  if (::stat(folder_.c_str(), &status) < 0) return failed(folder_, "cannot be looked at");
  if (!S_ISDIR(status.st_mode)) return failed(folder_, "cannot be packed", ENOTDIR);

  writer_.reset(archive_write_new());
  if (!writer_) return Error(ErrorCode::io, "libarchive has no memory");
  archive_write_set_format_pax_restricted(writer_.get());
  if (options_.compression == TarCreateOptions::Compression::gzip) {
    archive_write_add_filter_gzip(writer_.get());
    archive_write_set_filter_option(writer_.get(), "gzip", "timestamp", nullptr);
  }
  archive_write_set_bytes_in_last_block(writer_.get(), 1);
  if (archive_write_open(writer_.get(), this, nullptr, take, nullptr) != ARCHIVE_OK)
    return refused();
  SLIPWAY_CHECK(add_folder(""));
  if (archive_write_close(writer_.get()) != ARCHIVE_OK) return refused();
  return {};
}

Result<void> Creation::add_folder(const std::string& name) {
  std::vector<std::string> leaves;
  std::error_code error;
  for (fs::directory_iterator next(folder_ / name, error), end; !error && next != end;
       next.increment(error))
    leaves.push_back(next->path().filename().string());
  if (error) return failed(folder_ / name, "cannot be listed", error.value());
  std::sort(leaves.begin(), leaves.end());

  for (const std::string& leaf : leaves) {
    const std::string child = name.empty() ? leaf : name + "/" + leaf;
    struct stat status {};
    if (::lstat((folder_ / child).c_str(), &status) < 0)
      return failed(folder_ / child, "cannot be looked at");
    const bool wanted = !options_.include || options_.include(child);
    if (S_ISDIR(status.st_mode)) {
      pending_.emplace_back(child, status);
      if (wanted) SLIPWAY_CHECK(write_pending_folders());
      SLIPWAY_CHECK(add_folder(child));
      if (!pending_.empty() && pending_.back().first == child) pending_.pop_back();
    } else if (wanted) {
      SLIPWAY_CHECK(write_pending_folders());
      SLIPWAY_CHECK(add(child, status));
    }
  }
  return {};
}

Result<void> Creation::write_pending_folders() {
  for (const auto& [name, status] : pending_) SLIPWAY_CHECK(write_header(name + "/", status));
  pending_.clear();
  return {};
}

Result<void> Creation::add(const std::string& name, const struct stat& status) {
  const bool file = S_ISREG(status.st_mode);
  if (!file && !S_ISLNK(status.st_mode)) return {};
  SLIPWAY_CHECK(write_header(name, status));
  if (!file) return {};
  return add_data(folder_ / name, static_cast<std::uint64_t>(status.st_size));
}

Result<void> Creation::write_header(const std::string& name, const struct stat& status) {
  const Entry entry(archive_entry_new());
  if (!entry) return Error(ErrorCode::io, "libarchive has no memory");
  archive_entry_copy_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), status.st_mode & S_IFMT);
  archive_entry_set_perm(entry.get(), status.st_mode & 07777U);
  archive_entry_set_mtime(entry.get(), status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  archive_entry_set_size(entry.get(), S_ISREG(status.st_mode) ? status.st_size : 0);
  if (S_ISLNK(status.st_mode)) {
    std::error_code error;
    const fs::path target = fs::read_symlink(folder_ / name, error);
    if (error) return failed(folder_ / name, "cannot be read", error.value());
    archive_entry_copy_symlink(entry.get(), target.c_str());
  }
  const int result = archive_write_header(writer_.get(), entry.get());
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return refused();
  return {};
}

Result<void> Creation::add_data(const fs::path& path, std::uint64_t size) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (file.get() < 0) return failed(path, "cannot be opened");
  std::vector<std::byte> buffer(std::size_t{128} * 1024);
  while (size > 0) {
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer.size()));
    const ssize_t got = ::read(file.get(), buffer.data(), want);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path, "cannot be read");
    if (got == 0)
      return Error(ErrorCode::io, path.string() + ": became shorter while it was read; try again");
    if (archive_write_data(writer_.get(), buffer.data(), static_cast<std::size_t>(got)) < 0)
      return refused();
    size -= static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace

Result<void> create_tar(const fs::path& folder, const ByteSink& sink,
                        const TarCreateOptions& options) {
  return Creation(folder, sink, options).run();
}

}  // namespace slipway
