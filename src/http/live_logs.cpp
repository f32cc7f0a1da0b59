#include "http/live_logs.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace slipway {
namespace {

/// Of one log: who is further behind than so many small ones reads larger ones from the store.
constexpr std::size_t most_pieces = 64;

}  // namespace

class LiveLog {
 public:
  using State = BodyStream::State;

  LiveLog(MetadataStore& metadata, BuildQueue& queue, LogStore& logs, std::string build)
      : queue_(queue), logs_(logs), build_(std::move(build)) {
    subscription_ = metadata.subscribe("build/" + build_, [this] { note_commit(); });
  }

  void join(LogFollower& follower) {
    const std::lock_guard lock(mutex_);
    followers_.insert(&follower);
    places_.insert(follower.offset_);
  }

  void leave(LogFollower& follower) {
    const std::lock_guard lock(mutex_);
    followers_.erase(&follower);
    places_.erase(places_.find(follower.offset_));
    drop_passed();
  }

  State next(LogFollower& follower, SharedBytes& piece) {
    std::unique_lock lock(mutex_);
    if (follower.offset_ >= size_ && looked_ != commits_ && !look()) return State::broken;
    if (follower.offset_ >= size_) {
      if (ended_) return State::end;
      follower.waits_ = true;
      return State::waiting;
    }
    piece = find(follower.offset_);
    if (piece.bytes.empty()) piece = read(follower.offset_, lock);
    if (piece.bytes.empty()) return State::broken;
    places_.erase(places_.find(follower.offset_));
    follower.offset_ += piece.bytes.size();
    places_.insert(follower.offset_);
    drop_passed();
    return State::more;
  }

 private:
  struct Piece {
    std::uint64_t offset = 0;
    std::shared_ptr<const std::string> bytes;

    [[nodiscard]] std::uint64_t end() const noexcept { return offset + bytes->size(); }
  };

  void note_commit() {
    std::vector<std::shared_ptr<const std::function<void()>>> wakes;
    {
      const std::lock_guard lock(mutex_);
      ++commits_;
      for (LogFollower* follower : followers_)
        if (std::exchange(follower->waits_, false)) wakes.push_back(follower->wake_);
    }
    for (const auto& wake : wakes) (*wake)();
  }

  // Those below run under mutex_.

  /// What the latest commit made of it. False: the store cannot be read.
  bool look() {
    const std::uint64_t commit = commits_;
    // Asked before the size: what a build that has ended wrote is all there.
    const auto build = queue_.find(build_);
    if (!build && build.error().code != ErrorCode::not_found) return false;
    const auto size = logs_.size(build_);
    if (!size) return false;
    ended_ = !build || is_final(build->state);
    size_ = *size;
    looked_ = commit;
    return true;
  }

  [[nodiscard]] SharedBytes find(std::uint64_t offset) const {
    for (const Piece& piece : pieces_)
      if (piece.offset <= offset && offset < piece.end()) return from(piece, offset);
    return {};
  }

  static SharedBytes from(const Piece& piece, std::uint64_t offset) {
    const auto within = static_cast<std::size_t>(offset - piece.offset);
    return {piece.bytes, std::string_view(*piece.bytes).substr(within)};
  }

  /// From the store. Near the end others wait for it, since they want the same; whoever is further
  /// behind holds up nobody. Empty: it cannot be read.
  SharedBytes read(std::uint64_t offset, std::unique_lock<std::mutex>& lock) {
    std::uint64_t limit = LiveLogs::piece_bytes;
    for (const Piece& piece : pieces_)
      if (piece.offset > offset) limit = std::min(limit, piece.offset - offset);
    const bool behind = size_ - offset > LiveLogs::piece_bytes;
    std::string bytes;
    if (behind) lock.unlock();
    const auto taken = logs_.read(build_, offset, static_cast<std::size_t>(limit), bytes);
    if (behind) lock.lock();
    if (!taken || bytes.empty()) return {};
    held_bytes_ += bytes.size();
    pieces_.push_back({offset, std::make_shared<const std::string>(std::move(bytes))});
    const SharedBytes piece = from(pieces_.back(), offset);
    while (pieces_.size() > most_pieces || held_bytes_ > LiveLogs::most_bytes) drop(pieces_.begin());
    return piece;
  }

  void drop_passed() {
    const std::uint64_t last = places_.empty() ? UINT64_MAX : *places_.begin();
    for (auto piece = pieces_.begin(); piece != pieces_.end();)
      piece = piece->end() <= last ? drop(piece) : piece + 1;
  }

  std::vector<Piece>::iterator drop(std::vector<Piece>::iterator piece) {
    held_bytes_ -= piece->bytes->size();
    return pieces_.erase(piece);
  }

  BuildQueue& queue_;
  LogStore& logs_;
  const std::string build_;

  std::mutex mutex_;
  // Guarded by it:
  std::set<LogFollower*> followers_;
  std::multiset<std::uint64_t> places_;  // theirs
  std::uint64_t commits_ = 1;            // that may have changed the log or the build
  std::uint64_t looked_ = 0;             // at this one
  std::uint64_t size_ = 0;               // of the log, as of then
  bool ended_ = false;                   // the build, as of then
  std::vector<Piece> pieces_;            // in the order in which they were read
  std::size_t held_bytes_ = 0;           // of the pieces

  std::unique_ptr<Subscription> subscription_;  // ends first
};

LogFollower::LogFollower(std::shared_ptr<LiveLog> log, std::uint64_t offset,
                         std::function<void()> wake)
    : log_(std::move(log)),
      wake_(std::make_shared<const std::function<void()>>(std::move(wake))),
      offset_(offset) {
  log_->join(*this);
}

LogFollower::~LogFollower() { log_->leave(*this); }

BodyStream::State LogFollower::next(SharedBytes& piece) { return log_->next(*this, piece); }

std::shared_ptr<LiveLog> LiveLogs::open(std::string_view build) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(build);
  if (found != open_.end())
    if (auto log = found->second.lock()) return log;
  std::string name(build);
  const auto forget_it = [this, name](LiveLog* log) {
    forget(name);
    delete log;
  };
  std::shared_ptr<LiveLog> log(new LiveLog(metadata_, queue_, logs_, name), forget_it);
  open_[name] = log;
  return log;
}

void LiveLogs::forget(const std::string& build) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(build);
  // Another one may have been opened meanwhile.
  if (found != open_.end() && found->second.expired()) open_.erase(found);
}

}  // namespace slipway
