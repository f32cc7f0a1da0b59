#include "tests/crash/recorder.hpp"

#include <fcntl.h>

#include <atomic>
#include <utility>

namespace slipway::crash {

namespace {

std::atomic<Recorder*> active_recorder{nullptr};
std::atomic<std::uint64_t> last_handle{0};  // of all recorders: logs are joined

}  // namespace

Recorder* Recorder::active() noexcept {
  return active_recorder.load(std::memory_order_acquire);
}

Recorder::Recorder(const std::filesystem::path& folder) : root_(folder.native() + "/") {
  active_recorder.store(this, std::memory_order_release);
}

Recorder::~Recorder() {
  active_recorder.store(nullptr, std::memory_order_release);
}

CallLog Recorder::take() {
  active_recorder.store(nullptr, std::memory_order_release);
  const std::lock_guard lock(mutex_);
  return std::move(log_);
}

std::optional<std::string> Recorder::within(int folder, const char* path) const {
  std::string absolute = path == nullptr ? "" : path;
  if (!absolute.starts_with('/') && folder != AT_FDCWD) {
    const auto found = files_.find(folder);
    if (found == files_.end()) return std::nullopt;
    absolute = root_ + found->second->path + "/" + absolute;
  }
  if (!absolute.starts_with('/')) return std::nullopt;
  absolute = std::filesystem::path(absolute).lexically_normal().native();
  while (absolute.ends_with('/')) absolute.pop_back();
  if (absolute + "/" == root_) return std::string();
  if (!absolute.starts_with(root_)) return std::nullopt;
  return absolute.substr(root_.size());
}

std::shared_ptr<const Recorder::File> Recorder::find(int descriptor) {
  const auto found = files_.find(descriptor);
  if (found == files_.end()) return nullptr;
  struct stat status {};
  const std::shared_ptr<const File> file = found->second;
  if (fstat(descriptor, &status) == 0 && status.st_dev == file->device &&
      status.st_ino == file->inode)
    return file;
  files_.erase(found);  // closed from within libc, and its number used again
  return nullptr;
}

void Recorder::opened(int descriptor, std::string path, int flags, bool made) {
  struct stat status {};
  fstat(descriptor, &status);
  auto file = std::make_shared<File>();
  *file = {++last_handle,
           std::move(path),
           (flags & (O_DSYNC | O_SYNC)) != 0,
           (flags & O_APPEND) != 0,
           status.st_dev,
           status.st_ino};
  Entry entry{.kind = Entry::Kind::open, .number = file->handle, .made = made, .path = file->path};
  add(std::move(entry));
  if (!made && (flags & O_TRUNC) != 0)
    add({.kind = Entry::Kind::truncate, .number = file->handle, .size = 0});
  files_[descriptor] = std::move(file);
}

void Recorder::duplicated(int descriptor, int copy) {
  if (const auto file = find(descriptor)) files_[copy] = file;
}

void Recorder::add(Entry entry) {
  if (active() == this) log_.push_back(std::move(entry));
}

void Recorder::mark(Entry::Kind kind, std::uint64_t action) {
  const std::lock_guard lock(mutex_);
  add({.kind = kind, .number = action});
}

}  // namespace slipway::crash
