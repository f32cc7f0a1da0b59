// Builder: what makes images of a source. The worker's one seam: buildah stands behind it in
// production, a recording one in tests.
//
// What goes wrong in a step is a BuildFailure, with its class and reason; a step that was stopped
// answers Stopped. An Error never comes out of a step: what the machine refuses is a failure of
// class infrastructure.
//
// Thread safety: one build at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <slipway/build/worker_protocol.hpp>
#include <slipway/core/timestamp.hpp>

namespace slipway {

struct Stopped {};

/// How a step of the worker ended.
template <class T>
using Step = std::variant<T, BuildFailure, Stopped>;

/// Takes the build's log as it comes. It may block when the log cannot be sent as fast.
using BuildLog = std::function<void(std::string_view bytes)>;

struct FetchedSource {
  std::filesystem::path folder;
  std::string commit;   // git only
  std::string created;  // RFC 3339: when the commit was made; empty: not known
};

struct BuildJob {
  const WorkerInstructions& instructions;
  const FetchedSource& source;
  std::filesystem::path work_folder;  // empty; the builder's own
  std::string created;                // RFC 3339, for org.opencontainers.image.created
  ResourceUsage* usage = nullptr;     // what is taken is added here; may be nullptr
  Timestamp end = {};                 // it has no time to speak to registries after this
  std::uint64_t disk = 0;  // bytes of the file system that is this build's alone; 0: it has none
};

/// An image for one platform, in a folder: manifest.json, and each blob under its hash in hex.
struct BuiltImage {
  std::filesystem::path folder;
  std::string platform;  // as asked for; empty: the worker's own
};

class Builder {
 public:
  virtual ~Builder() = default;

  /// One image for each platform that was asked for.
  virtual Step<std::vector<BuiltImage>> build(const BuildJob& job, const BuildLog& log,
                                              std::stop_token stop) = 0;
};

BuildFailure user_failure(std::string reason, std::string message);
BuildFailure infrastructure_failure(std::string reason, std::string message);

}  // namespace slipway
