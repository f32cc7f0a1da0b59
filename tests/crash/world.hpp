// World: what a workload works with, and what it did, over all of its sessions.
//
// Few repositories, tags, blobs and images, so that actions meet. Everything follows from the seed
// but the order in which threads get their turns.
//
// Thread safety: content is constant; actions and uploads are under the lock.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/registry/lease.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/registry/retention.hpp>
#include <slipway/support/clock.hpp>

#include "tests/crash/history.hpp"

namespace slipway::crash {

/// Above are files; it makes more of them than the default does, of less bytes.
inline constexpr std::size_t inline_limit = 4096;
/// Small enough to run out several times in a run, as uploads do.
inline constexpr LeaseTerms lease{std::chrono::minutes(60)};
inline constexpr std::chrono::hours upload_lifetime{6};
inline constexpr std::string_view image_type = "application/vnd.oci.image.manifest.v1+json";

/// As it runs in a session, and again over what a power cut left.
RegistryOptions registry_options();
/// Of the first repository; elsewhere what has a manifest stays.
RetentionRule retention_rule();

struct Content {
  std::string bytes;
  Digest digest;
};

struct Image {
  Content manifest;
  std::vector<std::size_t> blobs;  // config first
};

/// One that a client goes on with until it has ended.
struct Upload {
  RepositoryName repository;
  std::string id;
  std::size_t blob = 0;
  std::uint64_t opened = 0;  // the action
  Timestamp opened_at{};
  struct Turn {
    std::uint64_t action;
    std::uint64_t size;  // where it stood when it was acknowledged
  };
  std::vector<Turn> turns{};
  bool ended = false;
  bool was_ending = false;  // when the process was killed: its bytes may be a blob's already
};

class World {
 public:
  explicit World(std::uint64_t seed);

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] const std::vector<RepositoryName>& repositories() const { return repositories_; }
  [[nodiscard]] const std::vector<Tag>& tags() const { return tags_; }
  [[nodiscard]] const std::vector<Content>& blobs() const { return blobs_; }
  [[nodiscard]] const std::vector<Image>& images() const { return images_; }
  ManualClock& clock() noexcept { return clock_; }

  /// Time passes between actions: who does one holds this for as long as it takes.
  [[nodiscard]] std::shared_lock<std::shared_mutex> hold_time() {
    return std::shared_lock(time_);
  }
  void let_pass(std::chrono::minutes time);

  /// Its number. REQUIRES: the caller holds the time until the action's answer.
  std::uint64_t add(Action action);
  void set_effects(std::uint64_t action, std::vector<Effect> effects);
  /// REQUIRES: no session runs.
  [[nodiscard]] const std::vector<Action>& actions() const { return actions_; }

  /// Uploads that nobody works on. A session takes one, and puts it back whatever became of it.
  void put_upload(Upload upload);
  std::optional<Upload> take_upload(std::uint64_t random);
  /// REQUIRES: no session runs.
  std::vector<Upload>& uploads() { return uploads_; }
  /// The process was killed: clients know of their uploads what they were told until then.
  /// REQUIRES: no session runs.
  void forget_unanswered(const History& history);

  /// Something that no crash explains; a test fails with it.
  void complain(std::string problem);
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  const std::uint64_t seed_;
  std::vector<RepositoryName> repositories_;
  std::vector<Tag> tags_;
  std::vector<Content> blobs_;
  std::vector<Image> images_;
  ManualClock clock_;
  std::shared_mutex time_;

  std::mutex mutex_;
  std::vector<Action> actions_;
  std::vector<Upload> uploads_;
  std::vector<std::string> problems_;
};

/// Random bytes of a size, by a seed.
Content make_content(std::uint64_t seed, std::size_t size);
/// A manifest of blobs; `subject` may be null.
Image make_image(const std::vector<Content>& blobs, std::vector<std::size_t> used,
                 std::uint64_t number, const Image* subject);

}  // namespace slipway::crash
