#include "http/event_stream.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include "build/build_json.hpp"
#include "build/change_feed.hpp"

namespace slipway {
namespace {

/// What `next` gives at once is some tens of KiB.
constexpr std::size_t enough_bytes = std::size_t{32} * 1024;
/// Entries that one call passes over for someone who may see few of them.
constexpr std::size_t entries_a_call = 100;

void append_event(std::uint64_t number, const Build& build, std::string& out) {
  out.append("id: ").append(std::to_string(number));
  // JSON of the writer's has no line breaks.
  out.append("\nevent: build\ndata: ").append(to_json(build)).append("\n\n");
}

/// Comments are passed over by readers (HTML, section 9.2.6), whose section 9.2.7 advises to send one
/// every 15 seconds or so: proxies drop connections on which nothing moves.
constexpr std::string_view keep_alive_comment = ": keep-alive\n\n";

/// This comment says that the stream is there.
void greet(bool& greeted, std::string& out) {
  if (!greeted) out.append(": slipway\n\n");
  greeted = true;
}

class EventStream final : public BodyStream {
 public:
  EventStream(MetadataStore& metadata, BuildQueue& queue, std::uint64_t after, MaySeeBuild may_see)
      : metadata_(metadata), queue_(queue), number_(after), may_see_(std::move(may_see)) {}

  State next(std::string& out) override {
    const std::size_t before = out.size();
    greet(greeted_, out);
    const auto entries = read();
    if (!entries) return State::end;
    for (const FeedEntry& entry : *entries) {
      number_ = entry.number;
      const auto build = queue_.find(entry.build);
      if (build && may_see_(*build)) append_event(entry.number, *build, out);
      if (out.size() - before >= enough_bytes) return State::more;
    }
    if (out.size() > before || entries->size() == entries_a_call) return State::more;
    return State::waiting;
  }

  void on_ready(std::function<void()> wake) override {
    subscription_ = metadata_.subscribe(builds_topic, std::move(wake));
  }

  [[nodiscard]] std::string_view keep_alive() const noexcept override {
    return keep_alive_comment;
  }

 private:
  Result<std::vector<FeedEntry>> read() const {
    SLIPWAY_TRY(const auto view, metadata_.snapshot());
    return feed_behind(*view, number_, entries_a_call);
  }

  MetadataStore& metadata_;
  BuildQueue& queue_;
  std::uint64_t number_;
  const MaySeeBuild may_see_;
  bool greeted_ = false;
  std::unique_ptr<Subscription> subscription_;
};

class BuildEventStream final : public BodyStream {
 public:
  BuildEventStream(MetadataStore& metadata, BuildQueue& queue, std::string build,
                   std::uint64_t after)
      : metadata_(metadata), queue_(queue), build_(std::move(build)), number_(after) {}

  State next(std::string& out) override {
    if (ended_) return State::end;
    const std::size_t before = out.size();
    greet(greeted_, out);
    // The number is read first: a change between the two is told again, and not missed.
    const auto number = read();
    // Its log wakes too, and changes nothing here.
    if (number && *number == number_ && looked_) return State::waiting;
    looked_ = true;
    const auto build = queue_.find(build_);
    if (!number || !build) return finish();
    if (*number > number_) {
      number_ = *number;
      append_event(*number, *build, out);
    }
    if (is_final(build->state)) return finish();
    return out.size() > before ? State::more : State::waiting;
  }

  void on_ready(std::function<void()> wake) override {
    subscription_ = metadata_.subscribe("build/" + build_, std::move(wake));
  }

  [[nodiscard]] std::string_view keep_alive() const noexcept override {
    return keep_alive_comment;
  }

 private:
  State finish() {
    ended_ = true;
    return State::more;
  }
  Result<std::uint64_t> read() const {
    SLIPWAY_TRY(const auto view, metadata_.snapshot());
    return feed_number(*view, build_);
  }

  MetadataStore& metadata_;
  BuildQueue& queue_;
  const std::string build_;
  std::uint64_t number_;
  bool greeted_ = false;
  bool looked_ = false;
  bool ended_ = false;
  std::unique_ptr<Subscription> subscription_;
};

}  // namespace

std::unique_ptr<BodyStream> make_event_stream(MetadataStore& metadata, BuildQueue& queue,
                                              std::uint64_t after, MaySeeBuild may_see) {
  return std::make_unique<EventStream>(metadata, queue, after, std::move(may_see));
}

std::unique_ptr<BodyStream> make_build_event_stream(MetadataStore& metadata, BuildQueue& queue,
                                                    std::string build, std::uint64_t after) {
  return std::make_unique<BuildEventStream>(metadata, queue, std::move(build), after);
}

}  // namespace slipway
