#include "lmdb/growth.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

namespace slipway::lmdb {
namespace {

constexpr std::size_t piece_size = std::size_t{1} << 20U;
constexpr std::size_t alignment = 4096;  // what direct writes ask for

struct Free {
  void operator()(char* memory) const noexcept { std::free(memory); }
};

}  // namespace

Growth::Growth(std::filesystem::path file, const Options& options)
    : path_(std::move(file)), options_(options) {}

Growth::~Growth() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (file_ >= 0) ::close(file_);
}

std::uint64_t Growth::wanted_room(std::uint64_t used) const noexcept {
  return std::min(options_.step, used);
}

void Growth::after_commit(std::uint64_t used) noexcept {
  if (used < options_.least_used || used < next_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  used_ = used;
  if (thread_.joinable()) return changed_.notify_one();
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    next_ = UINT64_MAX;
  }
}

void Growth::run() noexcept {
  for (;;) {
    std::uint64_t used = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return used_ > 0 || stopping_; });
      if (stopping_) return;
      used = std::exchange(used_, 0);
    }
    if (open())
      append(used);
    else
      next_ = UINT64_MAX;
  }
}

bool Growth::open() noexcept {
  if (file_ >= 0) return true;
  constexpr int flags = O_WRONLY | O_APPEND | O_CLOEXEC;
  file_ = ::open(path_.c_str(), flags | O_DIRECT);
  direct_ = file_ >= 0;
  if (!direct_) file_ = ::open(path_.c_str(), flags);
  return file_ >= 0;
}

void Growth::append(std::uint64_t used) noexcept {
  const std::uint64_t end = std::min(used + wanted_room(used), options_.limit);
  next_ = used + wanted_room(used) / 2;  // also when there is no room now
  struct stat status {};
  const std::unique_ptr<char, Free> zeros(
      static_cast<char*>(std::aligned_alloc(alignment, piece_size)));
  if (zeros == nullptr || ::fstat(file_, &status) != 0 || status.st_size % alignment != 0) return;
  std::memset(zeros.get(), 0, piece_size);
  for (auto size = static_cast<std::uint64_t>(status.st_size); size + piece_size <= end;) {
    const ssize_t done = ::write(file_, zeros.get(), piece_size);
    if (done < 0 || static_cast<std::size_t>(done) != piece_size) return;
    size += piece_size;
    if (!direct_) ::sync_file_range(file_, 0, 0, SYNC_FILE_RANGE_WRITE);
  }
}

}  // namespace slipway::lmdb
