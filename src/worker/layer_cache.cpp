#include "worker/layer_cache.hpp"

#include <slipway/support/hasher.hpp>

#include <algorithm>

namespace slipway {
namespace {

/// What stands behind "[1/2] " and the like.
std::string_view without_stage(std::string_view line) {
  if (!line.starts_with('[')) return line;
  const std::size_t close = line.find("] ");
  return close == std::string_view::npos ? line : line.substr(close + 2);
}

bool is_image_id(std::string_view text) {
  return text.size() >= 8 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

LayerCache::LayerCache(std::string reference, std::string_view key, Run run)
    : reference_(std::move(reference)),
      key_(digest_of(key).hex().substr(0, 16)),
      run_(std::move(run)),
      lines_([this](std::string_view line) { take(line); }) {}

std::string LayerCache::name_of(std::size_t step) const {
  return reference_ + ":arg-" + key_ + "-" + std::to_string(step);
}

void LayerCache::fetch(std::size_t most) {
  while (fetched_.size() < most) {
    auto printed = run_("pull", {"--policy", "always", name_of(fetched_.size())});
    if (!printed) return;
    fetched_.push_back(printed->substr(printed->rfind('\n') + 1));
  }
}

// STEP 4/7: ARG V=1
// --> Pushing cache host:5000/app/web/layer-cache:e5a7...
// --> 1ee141f157f
void LayerCache::take(std::string_view line) {
  const std::string_view text = without_stage(line);
  constexpr std::string_view arrow = "--> ";
  if (text.starts_with("STEP ")) {
    const std::size_t colon = text.find(": ");
    at_arg_ = colon != std::string_view::npos && text.substr(colon + 2).starts_with("ARG");
    entry_.clear();
  } else if (at_arg_ && text.starts_with(arrow)) {
    const std::string_view what = text.substr(arrow.size());
    constexpr std::string_view pushing = "Pushing cache ";
    if (what.starts_with(pushing)) entry_ = what.substr(pushing.size());
    if (!entry_.empty() && is_image_id(what)) {
      made_.push_back({std::string(what), entry_});
      at_arg_ = false;
    }
  }
}

void LayerCache::save() {
  lines_.finish();
  for (std::size_t step = 0; step < made_.size(); ++step) {
    const ArgStep& made = made_[step];
    if (step < fetched_.size() && fetched_[step].starts_with(made.image)) continue;
    // buildah does not know an image of a step by its id; under the entry's name it does.
    if (!run_("pull", {"--policy", "always", made.entry})) return;
    if (!run_("push", {made.entry, "docker://" + name_of(step)})) return;
  }
}

}  // namespace slipway
