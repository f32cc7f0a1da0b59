// Build: one request to turn a source into an image, and all that became of it.
//
// The JSON form of these values is one, in the API, in the store and on the command line; its names
// are the members' names (docs/builds.md). Fields that do not apply are empty here and left out
// there.
//
// Thread safety: plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <slipway/build/build_state.hpp>
#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/timestamp.hpp>

namespace slipway {

/// A commit of a git repository. One of `ref` and `commit` may be empty, not both; the worker fills
/// in the commit when it was asked for a ref.
struct GitSource {
  std::string url;
  std::string ref;     // refs/heads/main
  std::string commit;  // full object id, lower-case hex
  bool credentials = false;  // the URL came with a user name or password: see BuildSecrets

  friend bool operator==(const GitSource&, const GitSource&) = default;
};

/// A build context: a tar that is a blob, of the build's repository or of another one here.
struct ContextSource {
  Digest digest;
  std::string media_type;  // application/x-tar, application/gzip, application/zstd
  std::optional<RepositoryName> repository = {};  // that holds it; nullopt: the build's own
  std::optional<Digest> manifest = {};  // whose only layer it is, when that was named

  [[nodiscard]] const RepositoryName& held_by(const RepositoryName& own) const noexcept {
    return repository ? *repository : own;
  }
  friend bool operator==(const ContextSource&, const ContextSource&) = default;
};

using BuildSource = std::variant<GitSource, ContextSource>;

struct Person {
  std::string name;
  std::string email;
  std::string username;
  std::string avatar_url;

  friend bool operator==(const Person&, const Person&) = default;
};

/// What a webhook told of the commit. What it did not tell is empty; nothing is invented.
struct CommitInfo {
  std::string id;
  std::string message;
  std::string url;
  std::string timestamp;  // as the provider wrote it
  std::optional<Person> author;
  std::optional<Person> committer;

  friend bool operator==(const CommitInfo&, const CommitInfo&) = default;
};

struct BuildTrigger {
  std::string id;
  std::string provider;
  std::string delivery;  // the provider's delivery id: a repeat is the same build
  bool supersede = false;  // ends earlier builds of this trigger and ref that have not ended

  friend bool operator==(const BuildTrigger&, const BuildTrigger&) = default;
};

enum class ImageFormat : std::uint8_t { automatic, oci, docker };

struct BuildRequest {
  RepositoryName repository;
  BuildSource source;
  std::optional<CommitInfo> commit;
  std::optional<BuildTrigger> trigger;
  std::string context = ".";  // folder in the source
  std::string dockerfile = "Dockerfile";
  std::string target;
  std::map<std::string, std::string> args;
  std::map<std::string, std::string> labels;
  std::vector<std::string> platforms;  // "linux/amd64"; empty: the worker's own
  std::vector<std::string> tags;       // empty: "latest"
  std::vector<std::string> secrets;    // their ids, sorted; the values are in BuildSecrets
  ImageFormat format = ImageFormat::automatic;
  int priority = 0;  // higher first, within a tenant
  std::optional<std::chrono::seconds> timeout;
  std::optional<Timestamp> not_before;  // waits until then; of a submit only, see Build

  explicit BuildRequest(RepositoryName name, BuildSource from)
      : repository(std::move(name)), source(std::move(from)) {}
  friend bool operator==(const BuildRequest&, const BuildRequest&) = default;
};

struct BuildFailure {
  FailureClass failure_class = FailureClass::infrastructure;
  std::string reason;   // a stable word: "step_failed", "copy_source_missing", "worker_lost"
  std::string message;  // for people: "RUN make: exit status 2"
  std::optional<int> exit_code;

  friend bool operator==(const BuildFailure&, const BuildFailure&) = default;
};

/// When each step was reached; unset ones were not.
struct BuildTimes {
  std::optional<Timestamp> queued;
  std::optional<Timestamp> leased;
  std::optional<Timestamp> started;
  std::optional<Timestamp> registered;
  std::optional<Timestamp> fetched;
  std::optional<Timestamp> built;
  std::optional<Timestamp> pushed;
  std::optional<Timestamp> finished;

  friend bool operator==(const BuildTimes&, const BuildTimes&) = default;
};

/// What the builder and all that it ran took.
struct ResourceUsage {
  std::chrono::milliseconds cpu{0};    // user and system time
  std::uint64_t peak_memory_bytes = 0;  // of all together; without control groups of the largest process
  std::uint64_t disk_bytes = 0;         // what the build's folder held at the end

  friend bool operator==(const ResourceUsage&, const ResourceUsage&) = default;
};

struct BuildAttempt {
  unsigned number = 0;      // from 1
  std::uint64_t epoch = 0;  // fencing: grows with each lease of the build
  std::string backend;
  std::string worker;  // "slipway-<build id in lower case>-<epoch>"
  std::optional<AttemptOutcome> outcome;
  std::string reason;
  BuildTimes times;
  std::optional<ResourceUsage> usage;  // as its worker told at the end

  friend bool operator==(const BuildAttempt&, const BuildAttempt&) = default;
};

struct Build {
  std::string id;  // ULID
  BuildRequest request;
  BuildState state = BuildState::queued;
  std::optional<BuildPhase> phase;  // while running
  std::optional<BuildFailure> failure;
  std::string cancel_reason;    // "requested", "superseded"
  std::string superseded_by;    // a build's id
  std::optional<Digest> digest;
  std::uint64_t epoch = 0;          // of the latest attempt; 0 before the first
  unsigned failed_attempts = 0;     // that cost a try
  std::optional<Timestamp> not_before;  // as asked for, or a retry's backoff
  std::optional<Timestamp> waiting_since;  // for a place, when not since it was queued
  std::vector<BuildAttempt> attempts;
  BuildTimes times;  // the latest attempt's, with queued and finished of the build

  explicit Build(std::string build_id, BuildRequest what)
      : id(std::move(build_id)), request(std::move(what)) {}

  [[nodiscard]] std::string_view tenant() const noexcept { return request.repository.tenant(); }
  friend bool operator==(const Build&, const Build&) = default;
};

}  // namespace slipway
