// Stores that tell a test before and after each commit, where it may kill the process: by throwing,
// whereupon the test drops all that memory held and opens again what was committed.
#pragma once

#include <slipway/storage/open_stores.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace slipway::test {

/// Thrown where a process is killed.
struct Killed {
  std::string where;
};

/// False: the server was killed within the call.
template <class Call>
bool survives(const Call& call) {
  try {
    call();
    return true;
  } catch (const Killed&) {
    return false;
  }
}

/// Opens another server, and another one when that is killed while it opens.
template <class Open>
void open_until_one_survives(const Open& open) {
  while (!survives(open)) {
  }
}

/// Called at each point where a process could end; may throw Killed.
using PointWatch = std::function<void(std::string_view)>;

class WatchedMetadata final : public MetadataStore {
 public:
  WatchedMetadata(MetadataStore& inner, const PointWatch& watch) : inner_(inner), watch_(watch) {}

  Result<std::unique_ptr<ReadView>> snapshot() override { return inner_.snapshot(); }
  Result<void> write(const Write& closure) override {
    if (watch_) watch_("before a commit");
    auto result = inner_.write(closure);
    if (watch_) watch_("after a commit");
    return result;
  }
  std::unique_ptr<Subscription> subscribe(std::string_view topic,
                                          std::function<void()> callback) override {
    return inner_.subscribe(topic, std::move(callback));
  }
  [[nodiscard]] bool reads_may_block() const noexcept override { return inner_.reads_may_block(); }
  [[nodiscard]] const Sealer& sealer() const noexcept override { return inner_.sealer(); }
  [[nodiscard]] Counts counts() const noexcept override { return inner_.counts(); }

 private:
  MetadataStore& inner_;
  const PointWatch& watch_;
};

class WatchedStores final : public Stores {
 public:
  /// `watch` outlives it and may be empty, or set later.
  WatchedStores(std::unique_ptr<Stores> inner, const PointWatch& watch)
      : inner_(std::move(inner)), metadata_(inner_->metadata(), watch) {}

  [[nodiscard]] MetadataStore& metadata() noexcept override { return metadata_; }
  [[nodiscard]] ObjectStore& objects() noexcept override { return inner_->objects(); }
  Result<BackupProgress> back_up(const std::filesystem::path& backup,
                                 const BackupWatch& watch) override {
    return inner_->back_up(backup, watch);
  }

 private:
  const std::unique_ptr<Stores> inner_;
  WatchedMetadata metadata_;
};

}  // namespace slipway::test
