#include "archive/tar_create.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "archive/tree_writer.hpp"

namespace slipway {
namespace {

using archive::Descriptor;
namespace fs = std::filesystem;

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

  const fs::path& folder_;
  const ByteSink& sink_;
  const TarCreateOptions& options_;
  std::optional<TarWriter> writer_;
  /// Folders on the way to here whose entries were not written yet.
  std::vector<std::pair<std::string, struct stat>> pending_;
};

Result<void> Creation::run() {
  struct stat status {};
  if (::stat(folder_.c_str(), &status) < 0) return failed(folder_, "cannot be looked at");
  if (!S_ISDIR(status.st_mode)) return failed(folder_, "cannot be packed", ENOTDIR);

  SLIPWAY_TRY(writer_, TarWriter::open(sink_, options_.compression));
  SLIPWAY_CHECK(add_folder(""));
  return writer_->finish();
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
  TarEntry entry;
  entry.name = name;
  entry.mode = status.st_mode & 07777U;
  entry.mtime = status.st_mtim.tv_sec;
  entry.mtime_nanoseconds = status.st_mtim.tv_nsec;
  if (S_ISDIR(status.st_mode)) entry.type = TarEntry::Type::folder;
  if (S_ISREG(status.st_mode)) entry.size = static_cast<std::uint64_t>(status.st_size);
  if (S_ISLNK(status.st_mode)) {
    std::error_code error;
    entry.type = TarEntry::Type::symlink;
    entry.target = fs::read_symlink(folder_ / name, error).string();
    if (error) return failed(folder_ / name, "cannot be read", error.value());
  }
  return writer_->add(entry);
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
    SLIPWAY_CHECK(writer_->write(std::span(buffer).first(static_cast<std::size_t>(got))));
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
