#include <slipway/build/build_retention.hpp>

#include <string>
#include <vector>

#include <slipway/support/ulid.hpp>

#include "build/build_removal.hpp"
#include "build/build_rows.hpp"

namespace slipway {
namespace {

constexpr std::size_t builds_a_piece = 100;

using AfterPiece = std::function<Result<void>(const BuildsTidied&)>;

class Tidying {
 public:
  Tidying(const BuildRetentionParts& parts, const BuildRetention& retention,
          const AfterPiece& after_piece)
      : parts_(parts), retention_(retention), after_piece_(after_piece), now_(parts.clock.now()) {}

  Result<BuildsTidied> run() {
    SLIPWAY_CHECK(walk([this](auto after) { return parts_.logs.in_chunks(after, builds_a_piece); },
                       [this](const std::string& id) { return compress(id); }));
    SLIPWAY_CHECK(walk([this](auto after) { return parts_.logs.all(after, builds_a_piece); },
                       [this](const std::string& id) { return remove_log(id); }));
    SLIPWAY_CHECK(
        walk([this](auto after) { return holds_behind(parts_.metadata, after, builds_a_piece); },
             [this](const std::string& hold) {
               return release(std::string(build_of_hold(hold)));
             }));
    SLIPWAY_CHECK(
        walk([this](auto after) { return builds_behind(parts_.metadata, after, builds_a_piece); },
             [this](const std::string& id) { return remove_build(id); }));
    SLIPWAY_CHECK(remove_old(parts_.deliveries, tidied_.deliveries_removed));
    SLIPWAY_CHECK(remove_old(parts_.notifications, tidied_.notifications_removed));
    return tidied_;
  }

 private:
  /// `visit` answers false when no later build can be of interest.
  template <class List, class Visit>
  Result<void> walk(const List& list, const Visit& visit) {
    std::string after;
    while (true) {
      SLIPWAY_TRY(const std::vector<std::string> builds, list(std::string_view(after)));
      for (const std::string& id : builds) {
        const Result<bool> visited = visit(id);
        if (!visited && visited.error().code == ErrorCode::quota_exceeded) return visited.error();
        if (!visited) note_failure(id, visited.error());
        if (visited && !*visited) return {};
      }
      SLIPWAY_CHECK(after_piece_(tidied_));
      if (builds.empty()) return {};
      after = builds.back();
    }
  }

  template <class Store>
  Result<void> remove_old(Store& store, std::uint64_t& count) {
    while (true) {
      SLIPWAY_TRY(const std::size_t removed, store.remove_old(now_, builds_a_piece));
      count += removed;
      SLIPWAY_CHECK(after_piece_(tidied_));
      if (removed == 0) return {};
    }
  }

  /// nullopt: there is none any more.
  Result<std::optional<Build>> find(const std::string& id) {
    auto build = parts_.queue.find(id);
    if (build) return std::optional(std::move(*build));
    if (build.error().code == ErrorCode::not_found) return std::optional<Build>();
    return build.error();
  }

  [[nodiscard]] bool ended_before(const Build& build, Timestamp when) const {
    return is_final(build.state) && build.times.finished && *build.times.finished < when;
  }
  /// Ids ascend with the time: a build that was made since has not ended before.
  [[nodiscard]] static bool made_since(const std::string& id, Timestamp when) {
    const auto made = ulid_time(id);
    return made && *made >= when;
  }

  Result<bool> compress(const std::string& id) {
    SLIPWAY_TRY(const auto build, find(id));
    if (!build || !is_final(build->state)) return true;
    SLIPWAY_TRY(const bool compressed, parts_.logs.archive(id));
    tidied_.logs_compressed += compressed ? 1 : 0;
    return true;
  }

  Result<bool> remove_log(const std::string& id) {
    const Timestamp oldest = now_ - retention_.logs;
    if (made_since(id, oldest)) return false;
    SLIPWAY_TRY(const auto build, find(id));
    if (build && !ended_before(*build, oldest)) return true;
    SLIPWAY_CHECK(parts_.metadata.write([&](WriteTransaction& transaction) {
      return parts_.logs.remove(transaction, id);
    }));
    ++tidied_.logs_removed;
    return true;
  }

  /// Comes in the order of contexts, so that older builds may follow a younger one. A failure is
  /// noted here, since the walk knows the row only.
  Result<bool> release(const std::string& id) {
    const auto released = release_context_of(id);
    if (!released && released.error().code == ErrorCode::quota_exceeded) return released.error();
    if (!released) note_failure(id, released.error());
    return true;
  }

  Result<void> release_context_of(const std::string& id) {
    SLIPWAY_TRY(const auto build, find(id));
    if (!build || !ended_before(*build, now_ - retention_.contexts)) return {};
    SLIPWAY_CHECK(parts_.metadata.write([&](WriteTransaction& transaction) {
      return release_context(transaction, *build, parts_.lease, now_);
    }));
    ++tidied_.contexts_released;
    return {};
  }

  Result<bool> remove_build(const std::string& id) {
    const Timestamp oldest = now_ - retention_.builds;
    if (made_since(id, oldest)) return false;
    SLIPWAY_TRY(const auto build, find(id));
    if (!build || !ended_before(*build, oldest)) return true;
    const auto remove = [&](WriteTransaction& transaction) -> Result<void> {
      SLIPWAY_CHECK(parts_.logs.remove(transaction, id));
      return erase_ended_build(transaction, id, parts_.lease, now_);
    };
    SLIPWAY_CHECK(parts_.metadata.write(remove));
    ++tidied_.builds_removed;
    return true;
  }

  void note_failure(const std::string& id, const Error& error) {
    ++tidied_.failures;
    parts_.log.warning("build not tidied", {{"build", id}, {"why", error.message}});
  }

  const BuildRetentionParts parts_;
  const BuildRetention retention_;
  const AfterPiece& after_piece_;
  const Timestamp now_;
  BuildsTidied tidied_;
};

}  // namespace

Result<BuildsTidied> tidy_builds(const BuildRetentionParts& parts, const BuildRetention& retention,
                                 const AfterPiece& after_piece) {
  return Tidying(parts, retention, after_piece).run();
}

}  // namespace slipway
