#include "http/log_stream.hpp"

#include <utility>

namespace slipway {
namespace {

constexpr std::size_t piece_size = std::size_t{64} * 1024;

class LogStream final : public BodyStream {
 public:
  LogStream(MetadataStore& metadata, BuildQueue& queue, LogStore& logs, std::string build,
            std::uint64_t offset, bool follow)
      : metadata_(metadata),
        queue_(queue),
        logs_(logs),
        build_(std::move(build)),
        offset_(offset),
        follow_(follow) {}

  State next(std::string& out) override {
    // Asked before reading: what a build that has ended wrote is all there.
    const bool growing = follow_ && !has_ended();
    const auto taken = logs_.read(build_, offset_, piece_size, out);
    if (!taken) return State::end;
    offset_ += *taken;
    if (*taken > 0) return State::more;
    return growing ? State::waiting : State::end;
  }

  void on_ready(std::function<void()> wake) override {
    if (follow_) subscription_ = metadata_.subscribe("build/" + build_, std::move(wake));
  }

 private:
  [[nodiscard]] bool has_ended() const {
    const auto build = queue_.find(build_);
    return !build || is_final(build->state);
  }

  MetadataStore& metadata_;
  BuildQueue& queue_;
  LogStore& logs_;
  const std::string build_;
  std::uint64_t offset_;
  const bool follow_;
  std::unique_ptr<Subscription> subscription_;
};

}  // namespace

std::unique_ptr<BodyStream> make_log_stream(MetadataStore& metadata, BuildQueue& queue,
                                            LogStore& logs, std::string build, std::uint64_t offset,
                                            bool follow) {
  return std::make_unique<LogStream>(metadata, queue, logs, std::move(build), offset, follow);
}

}  // namespace slipway
