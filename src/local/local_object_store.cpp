#include "local/local_object_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "local/file.hpp"
#include "storage/limits.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

namespace fs = std::filesystem;

using local::Descriptor;
using local::file_error;

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
  [[nodiscard]] fs::path file(std::string_view key) const { return path_ / shard_of(key) / key; }

  /// The folder of a key's file, there and durable. Errors: quota_exceeded, io.
  Result<fs::path> prepare_shard(std::string_view key) {
    std::string shard = shard_of(key);
    fs::path folder = path_ / shard;
    {
      const std::lock_guard lock(mutex_);
      if (durable_shards_.contains(shard)) return folder;
    }
    SLIPWAY_CHECK(local::make_folder(folder));
    SLIPWAY_CHECK(local::sync_folder(path_));
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
    return local::read_at(file_, path_, offset, out);
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
    SLIPWAY_CHECK(local::write_at(file_, path_, size_, bytes));
    if (size_ - written_out_ >= write_out_step) {
      local::begin_write_out(file_, written_out_, size_ - written_out_);
      written_out_ = size_;
    }
    return {};
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return local::read_at(file_, path_, offset, out);
  }

  Result<void> publish(std::string_view key) override {
    SLIPWAY_CHECK(check_object_name(key));
    SLIPWAY_CHECK(flush());
    SLIPWAY_TRY(const fs::path folder, objects_.prepare_shard(key));
    const fs::path target = folder / key;
    if (!renamed_ &&
        renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0)
      renamed_ = true;
    else if (!renamed_ && errno != EEXIST)
      return file_error(errno, "publish", path_);
    // One that was there already may have been renamed by a thread that has not flushed yet.
    SLIPWAY_CHECK(local::sync_folder(folder));
    return renamed_ ? Result<void>() : discard();
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
    Result<void> flushed = local::sync_file(file_, path_);
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

class LocalObjectStore final : public ObjectStore {
 public:
  explicit LocalObjectStore(const fs::path& folder)
      : staging_(folder / "staging"), objects_(folder / "blobs") {}

  Result<void> prepare(const fs::path& folder) {
    SLIPWAY_CHECK(local::make_folder(staging_));
    SLIPWAY_CHECK(local::make_folder(objects_.path()));
    return local::sync_folder(folder);
  }

  Result<std::unique_ptr<Stage>> begin_stage(std::string_view name) override {
    SLIPWAY_CHECK(check_object_name(name));
    const fs::path path = staging_ / name;
    auto file = local::open_file(path, O_RDWR | O_CREAT | O_EXCL);
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
    auto file = local::open_file(path, O_RDWR);
    if (!file) return named(std::move(file).error(), "stage", name);
    SLIPWAY_TRY(const std::uint64_t size, local::file_size(*file, path));
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
    const fs::path path = objects_.file(key);
    auto file = local::open_file(path, O_RDONLY);
    if (!file) return named(std::move(file).error(), "object", key);
    SLIPWAY_TRY(const std::uint64_t size, local::file_size(*file, path));
    return std::shared_ptr<const Object>(
        std::make_shared<LocalObject>(path, std::move(*file), size));
  }

  Result<bool> remove(std::string_view key) override {
    SLIPWAY_CHECK(check_object_name(key));
    const fs::path path = objects_.file(key);
    if (unlink(path.c_str()) == 0) return true;
    if (errno == ENOENT) return false;
    return file_error(errno, "remove", path);
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
  /// Calls `visit` with each path in `folder` until it answers false; it may remove them.
  template <class Visit>
  static Result<void> for_each_entry(const fs::path& folder, const Visit& visit) {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error))
      if (!visit(entry->path())) return {};
    if (error) return file_error(error.value(), "list", folder);
    return {};
  }

  const fs::path staging_;
  ObjectFolder objects_;
};

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_local_object_store(const fs::path& folder) {
  auto store = std::make_unique<LocalObjectStore>(folder);
  SLIPWAY_CHECK(store->prepare(folder));
  return std::unique_ptr<ObjectStore>(std::move(store));
}

}  // namespace slipway
