#include "transfer/layout_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "archive/tree_writer.hpp"

namespace slipway {
namespace {

using archive::Descriptor;
namespace fs = std::filesystem;

Error system_error(std::string_view what, int code = errno) {
  return Error(code == ENOENT ? ErrorCode::not_found : ErrorCode::io,
               std::string(what).append(": ").append(std::generic_category().message(code)));
}

/// What every kind of entry must keep to. nullopt: it is a folder.
Result<std::optional<TarEntry>> checked(TarEntry entry) {
  if (entry.type == TarEntry::Type::other)
    return Error(ErrorCode::invalid_argument,
                 quoted_entry(entry.name) + " is a device, FIFO or socket");
  SLIPWAY_TRY(std::string name, parse_entry_name(entry.name));
  if (entry.type == TarEntry::Type::symlink) {
    SLIPWAY_TRY(entry.target, resolve_entry_link(name, entry.target));
  }
  if (entry.type == TarEntry::Type::hard_link) {
    SLIPWAY_TRY(entry.target, parse_entry_name(entry.target));
  }
  if (entry.type == TarEntry::Type::folder) return std::optional<TarEntry>();
  if (name.empty())
    return Error(ErrorCode::invalid_argument, quoted_entry(entry.name) + " has no name");
  entry.name = std::move(name);
  return std::optional<TarEntry>(std::move(entry));
}

class TarEntries final : public LayoutEntries {
 public:
  explicit TarEntries(TarReader reader) : reader_(std::move(reader)) {}

  Result<std::optional<TarEntry>> next() override {
    while (true) {
      SLIPWAY_TRY(std::optional<TarEntry> entry, reader_.next());
      if (!entry) return std::optional<TarEntry>();
      SLIPWAY_TRY(std::optional<TarEntry> taken, checked(std::move(*entry)));
      if (taken) return taken;
    }
  }

  Result<std::size_t> read(std::span<std::byte> out) override { return reader_.read(out); }

 private:
  TarReader reader_;
};

/// A descriptor's bytes. Regular files are passed over by moving on in them, never past their end:
/// there the archive is cut short, which only reading tells.
Result<std::unique_ptr<LayoutEntries>> read_descriptor(std::shared_ptr<Descriptor> file,
                                                       const std::string& name,
                                                       std::optional<std::uint64_t> size) {
  ByteSource source = [file, name](std::span<std::byte> out) -> Result<std::size_t> {
    while (true) {
      const ssize_t got = ::read(file->get(), out.data(), out.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return system_error(name);
    }
  };
  ByteSkip skip;
  if (size)
    skip = [file, name, size = *size](std::uint64_t wanted) -> Result<std::uint64_t> {
      const off_t here = ::lseek(file->get(), 0, SEEK_CUR);
      if (here < 0) return system_error(name);
      const std::uint64_t left = size - std::min(size, static_cast<std::uint64_t>(here));
      const std::uint64_t step = std::min(wanted, left);
      if (::lseek(file->get(), static_cast<off_t>(step), SEEK_CUR) < 0) return system_error(name);
      return step;
    };
  return read_layout_tar(std::move(source), std::move(skip));
}

class TarFile final : public LayoutSource {
 public:
  explicit TarFile(fs::path path) : path_(std::move(path)) {}

  Result<std::unique_ptr<LayoutEntries>> open() override {
    auto file = std::make_shared<Descriptor>(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (file->get() < 0 || ::fstat(file->get(), &status) < 0) return system_error(path_.string());
    return read_descriptor(std::move(file), path_.string(),
                           static_cast<std::uint64_t>(status.st_size));
  }
  [[nodiscard]] bool repeatable() const noexcept override { return true; }

 private:
  const fs::path path_;
};

/// A pipe, or standard input whatever it is.
class Stream final : public LayoutSource {
 public:
  Stream(Descriptor file, std::string name)
      : file_(std::make_shared<Descriptor>(std::move(file))), name_(std::move(name)) {}

  Result<std::unique_ptr<LayoutEntries>> open() override {
    return read_descriptor(file_, name_, std::nullopt);
  }
  [[nodiscard]] bool repeatable() const noexcept override { return false; }

 private:
  const std::shared_ptr<Descriptor> file_;
  const std::string name_;
};

/// In the order of the names' bytes, folders in depth.
class FolderEntries final : public LayoutEntries {
 public:
  explicit FolderEntries(fs::path folder) : folder_(std::move(folder)) {}

  Result<void> list(const std::string& below) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator next(folder_ / below, error), end; !error && next != end;
         next.increment(error)) {
      names.push_back((below.empty() ? "" : below + "/") + next->path().filename().string());
      if (++listed_ > layout_limits.entries)
        return Error(ErrorCode::too_large, "the folder has more than " +
                                               std::to_string(layout_limits.entries) + " entries");
    }
    if (error) return system_error((folder_ / below).string(), error.value());
    std::sort(names.rbegin(), names.rend());
    waiting_.insert(waiting_.end(), names.begin(), names.end());
    return {};
  }

  Result<std::optional<TarEntry>> next() override {
    while (!waiting_.empty()) {
      TarEntry entry;
      entry.name = std::move(waiting_.back());
      waiting_.pop_back();
      SLIPWAY_CHECK(look_at(entry));
      if (entry.type == TarEntry::Type::folder) SLIPWAY_CHECK(list(entry.name));
      SLIPWAY_TRY(std::optional<TarEntry> taken, checked(std::move(entry)));
      if (taken) return taken;
    }
    return std::optional<TarEntry>();
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (file_.get() < 0) {
      file_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
      if (file_.get() < 0) return system_error(path_.string());
    }
    while (true) {
      const ssize_t got = ::read(file_.get(), out.data(), out.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return system_error(path_.string());
    }
  }

 private:
  Result<void> look_at(TarEntry& entry) {
    file_ = Descriptor();
    path_ = folder_ / entry.name;
    struct stat status {};
    if (::lstat(path_.c_str(), &status) < 0) return system_error(path_.string());
    entry.type = TarEntry::Type::other;
    if (S_ISDIR(status.st_mode)) entry.type = TarEntry::Type::folder;
    if (S_ISREG(status.st_mode)) {
      entry.type = TarEntry::Type::file;
      entry.size = static_cast<std::uint64_t>(status.st_size);
    }
    if (S_ISLNK(status.st_mode)) {
      std::error_code error;
      entry.type = TarEntry::Type::symlink;
      entry.target = fs::read_symlink(path_, error).string();
      if (error) return system_error(path_.string(), error.value());
    }
    return {};
  }

  const fs::path folder_;
  std::vector<std::string> waiting_;  // the next one last
  std::uint64_t listed_ = 0;
  fs::path path_;  // of the current entry
  Descriptor file_;
};

class Folder final : public LayoutSource {
 public:
  explicit Folder(fs::path path) : path_(std::move(path)) {}

  Result<std::unique_ptr<LayoutEntries>> open() override {
    auto entries = std::make_unique<FolderEntries>(path_);
    SLIPWAY_CHECK(entries->list(""));
    return std::unique_ptr<LayoutEntries>(std::move(entries));
  }
  [[nodiscard]] bool repeatable() const noexcept override { return true; }

 private:
  const fs::path path_;
};

}  // namespace

Result<std::unique_ptr<LayoutEntries>> read_layout_tar(ByteSource source, ByteSkip skip) {
  SLIPWAY_TRY(TarReader reader, TarReader::open(std::move(source), layout_limits, std::move(skip)));
  return std::unique_ptr<LayoutEntries>(std::make_unique<TarEntries>(std::move(reader)));
}

Result<std::unique_ptr<LayoutSource>> open_layout_source(const fs::path& path) {
  if (path == "-")
    return std::unique_ptr<LayoutSource>(std::make_unique<Stream>(
        Descriptor(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)), "standard input"));
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return system_error(path.string());
  if (S_ISDIR(status.st_mode)) return std::unique_ptr<LayoutSource>(std::make_unique<Folder>(path));
  if (S_ISREG(status.st_mode)) return std::unique_ptr<LayoutSource>(std::make_unique<TarFile>(path));
  if (!S_ISFIFO(status.st_mode))
    return Error(ErrorCode::invalid_argument, path.string() + ": is neither a folder nor a file");
  Descriptor pipe(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (pipe.get() < 0) return system_error(path.string());
  return std::unique_ptr<LayoutSource>(std::make_unique<Stream>(std::move(pipe), path.string()));
}

}  // namespace slipway
