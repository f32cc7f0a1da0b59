#include "local/local_object_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <utility>

#include "support/copy_file.hpp"
#include "support/file.hpp"
#include "storage/limits.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

namespace fs = std::filesystem;

using files::Descriptor;
using files::file_error;

std::string shard_of(std::string_view key) {
  const std::size_t dash = key.rfind('-');
  std::string shard(key.substr(dash == std::string_view::npos ? 0 : dash + 1, 2));
  shard.resize(2, '_');
  std::replace(shard.begin(), shard.end(), '.', '_');
  return shard;
}

/// A missing file as the port words it; any other error as it is.
Error named(Error error, std::string_view kind, std::string_view name) {
  if (error.code != ErrorCode::not_found) return error;
  return Error(ErrorCode::not_found, slipway::format("there is no {} \"{}\"", kind, name));
}

/// The folder blobs/: where an object's file is, and that it can be found after a power cut.
class ObjectFolder {
 public:
  explicit ObjectFolder(fs::path path) : path_(std::move(path)) {}

  [[nodiscard]] const fs::path& path() const noexcept { return path_; }
  [[nodiscard]] fs::path file(std::string_view key) const { return path_ / object_file(key); }

  /// The folder of a key's file, there and durable. Errors: quota_exceeded, io.
  Result<fs::path> prepare_shard(std::string_view key) {
    std::string shard = shard_of(key);
    fs::path folder = path_ / shard;
    {
      const std::lock_guard lock(mutex_);
      if (durable_shards_.contains(shard)) return folder;
    }
    SLIPWAY_CHECK(files::make_folder(folder));
    SLIPWAY_CHECK(files::sync_folder(path_));
    const std::lock_guard lock(mutex_);
    durable_shards_.insert(std::move(shard));
    return folder;
  }

 private:
  const fs::path path_;
  std::mutex mutex_;
  std::set<std::string> durable_shards_;  // guarded by mutex_; flushed by this process
};

class LocalObject final : public Object {
 public:
  LocalObject(fs::path path, Descriptor file, std::uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}

  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return files::read_at(file_, path_, offset, out);
  }
  /// Without readahead, so that what is in memory was there before or is what was asked for.
  Result<std::size_t> read_once_at(std::uint64_t offset, std::span<std::byte> out) const override {
    const auto at = static_cast<off_t>(offset);
    const iovec room{out.data(), out.size()};
    const ssize_t cached = preadv2(file_.get(), &room, 1, at, RWF_NOWAIT);
    if (cached == static_cast<ssize_t>(out.size())) return out.size();
    (void)posix_fadvise(file_.get(), 0, 0, POSIX_FADV_RANDOM);
    SLIPWAY_TRY(const std::size_t count, files::read_at(file_, path_, offset, out));
    (void)posix_fadvise(file_.get(), at, static_cast<off_t>(count), POSIX_FADV_DONTNEED);
    return count;
  }
  [[nodiscard]] int file_descriptor() const noexcept override { return file_.get(); }

 private:
  const fs::path path_;
  const Descriptor file_;
  const std::uint64_t size_;
};

class LocalStage final : public Stage {
 public:
  LocalStage(ObjectFolder& objects, fs::path path, Descriptor file, std::uint64_t size)
      : objects_(objects), path_(std::move(path)), file_(std::move(file)), size_(size) {}

  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }

  Result<void> append(std::span<const std::byte> bytes) override {
    SLIPWAY_CHECK(files::write_at(file_, path_, size_, bytes));
    if (size_ - written_out_ >= write_out_step) {
      files::begin_write_out(file_, written_out_, size_ - written_out_);
      written_out_ = size_;
    }
    return {};
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return files::read_at(file_, path_, offset, out);
  }

  Result<void> publish(std::string_view key) override {
    SLIPWAY_CHECK(check_object_name(key));
    SLIPWAY_CHECK(flush());
    SLIPWAY_TRY(const fs::path folder, objects_.prepare_shard(key));
    const fs::path target = folder / key;
    if (!renamed_ && rename(path_.c_str(), target.c_str()) != 0)
      return file_error(errno, "publish", path_);
    renamed_ = true;
    return files::sync_folder(folder);
  }

  Result<void> discard() override {
    if (unlink(path_.c_str()) != 0 && errno != ENOENT) return file_error(errno, "remove", path_);
    return {};
  }

 private:
  /// Linux tells of a page that it could not write once, and then believes it clean: a second
  /// flush would succeed without the bytes.
  Result<void> flush() {
    if (!flushable_)
      return Error(ErrorCode::io,
                   slipway::format("an earlier flush of {} failed; send it again", path_.native()));
    Result<void> flushed = files::sync_file(file_, path_);
    flushable_ = flushed.ok();
    return flushed;
  }

  /// The disk writes while more bytes come, so that the flush at the end finds little left to do.
  static constexpr std::uint64_t write_out_step = std::uint64_t{8} * 1024 * 1024;

  ObjectFolder& objects_;
  const fs::path path_;
  const Descriptor file_;
  std::uint64_t size_;
  std::uint64_t written_out_ = size_;  // up to here the disk was asked to write
  bool flushable_ = true;
  bool renamed_ = false;  // published, perhaps not durably yet
};

/// Calls `visit` with each path in `folder` until it answers false; it may remove them.
template <class Visit>
Result<void> for_each_entry(const fs::path& folder, const Visit& visit) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    if (!visit(entry->path())) return {};
  if (error) return file_error(error.value(), "list", folder);
  return {};
}

/// The folder removed/: how an object goes. While it is held, removing moves a file there.
class RemovedFolder {
 public:
  explicit RemovedFolder(fs::path path) : path_(std::move(path)) {}

  [[nodiscard]] fs::path file(std::string_view key) const { return path_ / key; }

  /// True when there was such a file. Errors: io.
  Result<bool> take(const fs::path& object, std::string_view key) {
    const std::shared_lock lock(mutex_);
    const bool held = holds_ > 0;
    const int status = held ? rename(object.c_str(), file(key).c_str()) : unlink(object.c_str());
    if (status == 0) return true;
    if (errno == ENOENT) return false;
    return file_error(errno, "remove", object);
  }

  /// Errors: io, quota_exceeded.
  Result<void> hold() {
    const std::unique_lock lock(mutex_);  // whoever removes has come to an end
    if (holds_ == 0) SLIPWAY_CHECK(files::make_folder(path_));
    ++holds_;
    return {};
  }

  void release() noexcept {
    const std::unique_lock lock(mutex_);
    if (--holds_ == 0) (void)forget();  // what stays is forgotten at the next start
  }

  /// REQUIRES: nobody holds it. Errors: io.
  Result<void> forget() {
    std::error_code error;
    fs::remove_all(path_, error);
    if (error) return file_error(error.value(), "remove", path_);
    return {};
  }

 private:
  const fs::path path_;
  std::shared_mutex mutex_;
  unsigned holds_ = 0;  // guarded by mutex_
};

class FolderHold final : public ObjectHold {
 public:
  /// Takes over one hold of `removed`.
  FolderHold(ObjectFolder& objects, RemovedFolder& removed)
      : objects_(objects), removed_(removed) {}
  ~FolderHold() override { removed_.release(); }
  FolderHold(const FolderHold&) = delete;
  FolderHold& operator=(const FolderHold&) = delete;

  Result<Copy> copy(std::string_view key, const fs::path& blobs) override {
    SLIPWAY_CHECK(check_object_name(key));
    std::string shard = shard_of(key);
    const fs::path target = blobs / object_file(key);
    if (!shards_.contains(shard)) {
      SLIPWAY_CHECK(files::make_folder(target.parent_path()));
      shards_.insert(std::move(shard));
    }
    fs::path from = objects_.file(key);
    auto linked = files::link_or_copy(from, target);
    if (!linked && linked.error().code == ErrorCode::not_found) {
      from = removed_.file(key);
      linked = files::link_or_copy(from, target);
    }
    if (!linked) return named(std::move(linked).error(), "object", key);
    SLIPWAY_TRY(const Descriptor file, files::open_file(target, O_RDONLY));
    SLIPWAY_TRY(const std::uint64_t size, files::file_size(file, target));
    return Copy{*linked, size};
  }

  Result<void> finish(const fs::path& blobs) override {
    for (const std::string& shard : shards_) SLIPWAY_CHECK(files::sync_folder(blobs / shard));
    return files::sync_folder(blobs);
  }

 private:
  ObjectFolder& objects_;
  RemovedFolder& removed_;
  std::set<std::string> shards_;  // that were copied into
};

class FolderObjectStore final : public LocalObjectStore {
 public:
  explicit FolderObjectStore(const fs::path& folder)
      : folder_(folder),
        staging_(folder / "staging"),
        aside_(folder / "quarantine"),
        objects_(folder / "blobs"),
        removed_(folder / "removed") {}

  Result<void> prepare() {
    SLIPWAY_CHECK(files::make_folder(staging_));
    SLIPWAY_CHECK(files::make_folder(objects_.path()));
    SLIPWAY_CHECK(removed_.forget());  // of a backup that was interrupted
    return files::sync_folder(folder_);
  }

  Result<std::unique_ptr<Stage>> begin_stage(std::string_view name) override {
    SLIPWAY_CHECK(check_object_name(name));
    const fs::path path = staging_ / name;
    auto file = files::open_file(path, O_RDWR | O_CREAT | O_EXCL);
    if (!file && file.error().code == ErrorCode::already_exists)
      return Error(ErrorCode::already_exists,
                   slipway::format("stage \"{}\" exists; open it or choose another name", name));
    if (!file) return std::move(file).error();
    return std::unique_ptr<Stage>(
        std::make_unique<LocalStage>(objects_, path, std::move(*file), 0));
  }

  Result<std::unique_ptr<Stage>> open_stage(std::string_view name) override {
    SLIPWAY_CHECK(check_object_name(name));
    const fs::path path = staging_ / name;
    auto file = files::open_file(path, O_RDWR);
    if (!file) return named(std::move(file).error(), "stage", name);
    SLIPWAY_TRY(const std::uint64_t size, files::file_size(*file, path));
    return std::unique_ptr<Stage>(
        std::make_unique<LocalStage>(objects_, path, std::move(*file), size));
  }

  Result<void> for_each_stage(const std::function<bool(const StageInfo&)>& visit) override {
    return for_each_entry(staging_, [&](const fs::path& path) {
      struct stat status {};
      if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return true;
      const auto modified = std::chrono::seconds(status.st_mtim.tv_sec) +
                            std::chrono::nanoseconds(status.st_mtim.tv_nsec);
      return visit({path.filename().native(), static_cast<std::uint64_t>(status.st_size),
                    Timestamp(std::chrono::floor<std::chrono::milliseconds>(modified))});
    });
  }

  Result<std::shared_ptr<const Object>> open(std::string_view key) override {
    SLIPWAY_CHECK(check_object_name(key));
    return open_object(objects_.file(key), key);
  }

  Result<bool> remove(std::string_view key) override {
    SLIPWAY_CHECK(check_object_name(key));
    return removed_.take(objects_.file(key), key);
  }

  Result<void> set_aside(std::string_view key, std::string_view name) override {
    SLIPWAY_CHECK(check_object_name(key));
    SLIPWAY_CHECK(check_object_name(name));
    SLIPWAY_CHECK(prepare_aside());
    auto kept = files::link_or_copy(objects_.file(key), aside_ / name);
    if (!kept) return named(std::move(kept).error(), "object", key);
    return files::sync_folder(aside_);
  }

  Result<void> set_aside(std::span<const std::byte> bytes, std::string_view name) override {
    SLIPWAY_CHECK(check_object_name(name));
    SLIPWAY_CHECK(prepare_aside());
    const fs::path path = aside_ / name;
    SLIPWAY_TRY(const Descriptor file, files::open_file(path, O_WRONLY | O_CREAT | O_EXCL));
    std::uint64_t end = 0;
    Result<void> written = files::write_at(file, path, end, bytes);
    if (written) written = files::sync_file(file, path);
    if (!written) {
      (void)unlink(path.c_str());
      return written;
    }
    return files::sync_folder(aside_);
  }

  Result<std::shared_ptr<const Object>> open_aside(std::string_view name) override {
    SLIPWAY_CHECK(check_object_name(name));
    return open_object(aside_ / name, name);
  }

  Result<std::unique_ptr<ObjectHold>> hold() override {
    SLIPWAY_CHECK(removed_.hold());
    return std::unique_ptr<ObjectHold>(std::make_unique<FolderHold>(objects_, removed_));
  }

  Result<void> for_each(const std::function<bool(std::string_view key)>& visit) override {
    bool more = true;
    Result<void> inner;
    SLIPWAY_CHECK(for_each_entry(objects_.path(), [&](const fs::path& shard) {
      inner = for_each_entry(shard, [&](const fs::path& file) {
        more = visit(file.filename().native());
        return more;
      });
      return more && inner.ok();
    }));
    return inner;
  }

 private:
  static Result<std::shared_ptr<const Object>> open_object(const fs::path& path,
                                                           std::string_view name) {
    auto file = files::open_file(path, O_RDONLY);
    if (!file) return named(std::move(file).error(), "object", name);
    SLIPWAY_TRY(const std::uint64_t size, files::file_size(*file, path));
    return std::shared_ptr<const Object>(
        std::make_shared<LocalObject>(path, std::move(*file), size));
  }

  Result<void> prepare_aside() const {
    SLIPWAY_CHECK(files::make_folder(aside_));
    return files::sync_folder(folder_);
  }

  const fs::path folder_;
  const fs::path staging_;
  const fs::path aside_;
  ObjectFolder objects_;
  RemovedFolder removed_;
};

}  // namespace

fs::path object_file(std::string_view key) { return fs::path(shard_of(key)) / key; }

Result<std::unique_ptr<LocalObjectStore>> open_local_object_store(const fs::path& folder) {
  auto store = std::make_unique<FolderObjectStore>(folder);
  SLIPWAY_CHECK(store->prepare());
  return std::unique_ptr<LocalObjectStore>(std::move(store));
}

}  // namespace slipway
