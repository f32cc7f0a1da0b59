// LayerCache: the layers of earlier builds, kept in the registry beside the image that they are of.
//
// buildah pulls and pushes an image for each step (--cache-from, --cache-to), under a tag that it
// makes of the step, its base and its input. It does not look up ARG there, so every step behind an
// ARG would miss; so the images of ARG steps are also kept under names of their own, of which those
// of the Dockerfile's last build are pulled before the next.
//
// All of this may fail: a build without its cache is a slow build, and no failed one.
//
// Thread safety: one build at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/process.hpp"

namespace slipway {

class LayerCache {
 public:
  /// Runs buildah's `command` with `arguments`, quietly; answers what it printed, without the last
  /// line break, or nullopt.
  using Run = std::function<std::optional<std::string>(std::string_view command,
                                                       std::vector<std::string> arguments)>;

  /// `reference`: host:port/repository. `key` tells Dockerfiles, targets and platforms apart.
  LayerCache(std::string reference, std::string_view key, Run run);
  LayerCache(const LayerCache&) = delete;
  LayerCache& operator=(const LayerCache&) = delete;

  /// The images of `most` ARG steps at most.
  void fetch(std::size_t most);
  /// What buildah prints as it builds.
  void watch(std::string_view bytes) { lines_.add(bytes); }
  /// Keeps the ARG steps that are new.
  void save();

  [[nodiscard]] const std::string& reference() const noexcept { return reference_; }

 private:
  [[nodiscard]] std::string name_of(std::size_t step) const;
  void take(std::string_view line);

  const std::string reference_;
  const std::string key_;
  const Run run_;
  LineSplitter lines_;
  std::vector<std::string> fetched_;  // image ids
  struct ArgStep {
    std::string image;  // its id, shortened by buildah
    std::string entry;  // the reference that buildah made for the step
  };
  std::vector<ArgStep> made_;
  bool at_arg_ = false;
  std::string entry_;  // of the step that buildah is at; empty before it was pushed
};

}  // namespace slipway
