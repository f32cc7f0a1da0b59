#include "http/log_stream.hpp"

#include <optional>
#include <utility>

namespace slipway {
namespace {

class LogStream final : public BodyStream {
 public:
  LogStream(const LogStore& logs, std::string build, std::uint64_t offset)
      : logs_(logs), build_(std::move(build)), offset_(offset) {}

  State next(std::string& out) override {
    const auto taken = logs_.read(build_, offset_, LiveLogs::piece_bytes, out);
    if (!taken) return State::broken;
    offset_ += *taken;
    return *taken > 0 ? State::more : State::end;
  }

  void on_ready(std::function<void()> /*wake*/) override {}

 private:
  const LogStore& logs_;
  const std::string build_;
  std::uint64_t offset_;
};

class LiveLogStream final : public BodyStream {
 public:
  LiveLogStream(std::shared_ptr<LiveLog> log, std::uint64_t offset)
      : log_(std::move(log)), offset_(offset) {}

  State next(std::string& out) override {
    SharedBytes piece;
    const State state = follower_->next(piece);
    out.append(piece.bytes);
    return state;
  }

  State next_shared(std::string& /*out*/, SharedBytes& shared) override {
    return follower_->next(shared);
  }

  void on_ready(std::function<void()> wake) override {
    follower_.emplace(log_, offset_, std::move(wake));
  }

 private:
  const std::shared_ptr<LiveLog> log_;
  const std::uint64_t offset_;
  std::optional<LogFollower> follower_;  // from on_ready on
};

}  // namespace

std::unique_ptr<BodyStream> make_log_stream(const LogStore& logs, std::string build,
                                            std::uint64_t offset) {
  return std::make_unique<LogStream>(logs, std::move(build), offset);
}

std::unique_ptr<BodyStream> make_live_log_stream(LiveLogs& logs, std::string_view build,
                                                 std::uint64_t offset) {
  return std::make_unique<LiveLogStream>(logs.open(build), offset);
}

}  // namespace slipway
