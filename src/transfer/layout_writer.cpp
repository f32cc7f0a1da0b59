#include "transfer/layout_writer.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "archive/tree_writer.hpp"

namespace slipway {
namespace {

using archive::Descriptor;
using archive::TreeWriter;
namespace fs = std::filesystem;

Error failed(const fs::path& path, std::string_view what, int code = errno) {
  return Error(ErrorCode::io, path.string().append(": ").append(what).append(": ").append(
                                  std::generic_category().message(code)));
}

Result<void> write_all(int file, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed(path, "cannot be written");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

/// What everybody may read, as far as the umask allows it: temporary names are made for oneself.
mode_t usual_mode(mode_t mode) {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mode & ~mask;
}

std::string temporary_beside(const fs::path& path) {
  std::string name = path.string();
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  return name + ".XXXXXX";
}

class FolderWriter final : public LayoutWriter {
 public:
  FolderWriter(fs::path target, fs::path work, TreeWriter tree)
      : target_(std::move(target)), work_(std::move(work)), tree_(std::move(tree)) {}

  ~FolderWriter() override {
    std::error_code ignored;
    if (!finished_) fs::remove_all(work_, ignored);
  }

  Result<void> begin_file(const std::string& name, std::uint64_t) override {
    SLIPWAY_TRY(file_, tree_.create_file(name, usual_mode(0666)));
    return {};
  }

  Result<void> write(std::span<const std::byte> bytes) override {
    return write_all(file_.get(), bytes, work_);
  }

  Result<void> finish() override {
    file_ = Descriptor();
    if (::chmod(work_.c_str(), usual_mode(0777)) < 0) return failed(work_, "its mode cannot be set");
    if (::rename(work_.c_str(), target_.c_str()) < 0) return failed(target_, "cannot be made");
    finished_ = true;
    return {};
  }

 private:
  const fs::path target_;
  const fs::path work_;
  TreeWriter tree_;
  Descriptor file_;
  bool finished_ = false;
};

/// Folders of the names, once each and before what is in them.
class TarLayout final : public LayoutWriter {
 public:
  explicit TarLayout(TarWriter tar) : tar_(std::move(tar)) {}

  Result<void> begin_file(const std::string& name, std::uint64_t size) override {
    for (std::size_t slash = name.find('/'); slash != std::string::npos;
         slash = name.find('/', slash + 1)) {
      TarEntry folder;
      folder.name = name.substr(0, slash + 1);
      folder.type = TarEntry::Type::folder;
      folder.mode = 0755;
      if (folders_.insert(folder.name).second) SLIPWAY_CHECK(tar_.add(folder));
    }
    TarEntry file;
    file.name = name;
    file.size = size;
    return tar_.add(file);
  }

  Result<void> write(std::span<const std::byte> bytes) override { return tar_.write(bytes); }
  Result<void> finish() override { return tar_.finish(); }

 private:
  TarWriter tar_;
  std::set<std::string> folders_;
};

class FileWriter final : public LayoutWriter {
 public:
  FileWriter(fs::path target, std::string work, std::shared_ptr<Descriptor> file,
             std::unique_ptr<LayoutWriter> tar)
      : target_(std::move(target)),
        work_(std::move(work)),
        file_(std::move(file)),
        tar_(std::move(tar)) {}

  ~FileWriter() override {
    if (!finished_) ::unlink(work_.c_str());
  }

  Result<void> begin_file(const std::string& name, std::uint64_t size) override {
    return tar_->begin_file(name, size);
  }
  Result<void> write(std::span<const std::byte> bytes) override { return tar_->write(bytes); }

  Result<void> finish() override {
    SLIPWAY_CHECK(tar_->finish());
    if (::fchmod(file_->get(), usual_mode(0666)) < 0) return failed(work_, "its mode cannot be set");
    if (::rename(work_.c_str(), target_.c_str()) < 0) return failed(target_, "cannot be made");
    finished_ = true;
    return {};
  }

 private:
  const fs::path target_;
  const std::string work_;
  const std::shared_ptr<Descriptor> file_;
  const std::unique_ptr<LayoutWriter> tar_;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<LayoutWriter>> write_layout_folder(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(folder, error);
  const bool there = fs::exists(status);
  if (there && !(fs::is_directory(status) && fs::is_empty(folder, error)))
    return Error(ErrorCode::already_exists,
                 folder.string() + ": is there already; name a folder that is new or empty");
  std::string work = temporary_beside(folder);
  if (::mkdtemp(work.data()) == nullptr) return failed(folder, "cannot be made");
  auto tree = TreeWriter::open(work);
  if (!tree) return tree.error();
  return std::unique_ptr<LayoutWriter>(
      std::make_unique<FolderWriter>(folder, work, std::move(*tree)));
}

Result<std::unique_ptr<LayoutWriter>> write_layout_file(const fs::path& path,
                                                        Compression compression) {
  std::string work = temporary_beside(path);
  auto file = std::make_shared<Descriptor>(::mkostemp(work.data(), O_CLOEXEC));
  if (file->get() < 0) return failed(path, "cannot be made");
  auto tar = write_layout_tar(
      [file, path](std::span<const std::byte> bytes) { return write_all(file->get(), bytes, path); },
      compression);
  if (!tar) {
    ::unlink(work.c_str());
    return tar.error();
  }
  return std::unique_ptr<LayoutWriter>(std::make_unique<FileWriter>(
      path, std::move(work), std::move(file), std::move(*tar)));
}

Result<std::unique_ptr<LayoutWriter>> write_layout_tar(ByteSink sink, Compression compression) {
  SLIPWAY_TRY(TarWriter tar, TarWriter::open(std::move(sink), compression));
  return std::unique_ptr<LayoutWriter>(std::make_unique<TarLayout>(std::move(tar)));
}

}  // namespace slipway
