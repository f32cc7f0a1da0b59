#include "worker/layer_cache.hpp"

#include <gtest/gtest.h>

#include <map>

namespace slipway {
namespace {

/// buildah with a registry: names to image ids.
struct FakeBuildah {
  std::map<std::string, std::string> images;
  std::vector<std::string> calls;

  LayerCache::Run run() {
    return [this](std::string_view command,
                  std::vector<std::string> words) -> std::optional<std::string> {
      calls.push_back(std::string(command) + " " + words.front());
      if (command == "push") {
        images[words.back().substr(std::string_view("docker://").size())] = images.at(words.front());
        return "";
      }
      const auto found = images.find(words.back());
      if (found == images.end()) return std::nullopt;
      return "a warning\n" + found->second + "00000000";
    };
  }
};

const std::string output =
    "[1/2] STEP 1/3: FROM scratch AS one\n"
    "[1/2] STEP 2/3: ARG V=1\n"
    "--> Pushing cache h:5000/app/layer-cache:aaaa\n"
    "--> 1ee141f157f0\n"
    "[1/2] STEP 3/3: RUN echo '--> 0123456789ab'\n"
    "--> 0123456789ab\n"
    "--> Pushing cache h:5000/app/layer-cache:bbbb\n"
    "--> 7ec263fc9c20\n"
    "[2/2] STEP 1/2: FROM scratch\n"
    "[2/2] STEP 2/2: ARG W\n"
    "--> Using cache 9bf1167020184cbdd5f8d6267b761d2b4dd80a8932b7cec2a6721d2b253a3730\n"
    "[2/2] --> Pushing cache h:5000/app/layer-cache:cccc\n"
    "[2/2] --> 9bf116702018\n";

TEST(LayerCache, KeepsTheImagesOfArgSteps) {
  FakeBuildah buildah;
  for (const char* step : {"aaaa 1ee141f157f0", "bbbb 7ec263fc9c20", "cccc 9bf116702018"})
    buildah.images["h:5000/app/layer-cache:" + std::string(step, 4)] = step + 5;
  LayerCache first("h:5000/app/layer-cache", "Dockerfile", buildah.run());
  first.fetch(2);
  EXPECT_EQ(buildah.calls, std::vector<std::string>{"pull --policy"}) << "the first miss is enough";
  for (char c : output) first.watch(std::string_view(&c, 1));
  first.save();
  std::map<std::string, std::string> kept;
  for (const auto& [name, image] : buildah.images)
    if (name.starts_with("h:5000/app/layer-cache:arg-")) kept[name] = image;
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_TRUE(kept.begin()->first.ends_with("-0"));
  EXPECT_EQ(kept.begin()->second, "1ee141f157f0");
  EXPECT_EQ(kept.rbegin()->second, "9bf116702018");

  buildah.calls.clear();
  LayerCache second("h:5000/app/layer-cache", "Dockerfile", buildah.run());
  second.fetch(2);
  second.watch(output);
  second.save();
  EXPECT_EQ(buildah.calls, (std::vector<std::string>{"pull --policy", "pull --policy"}))
      << "what is there is not pushed again";

  buildah.calls.clear();
  LayerCache other("h:5000/app/layer-cache", "other/Dockerfile", buildah.run());
  other.fetch(2);
  other.save();
  EXPECT_EQ(buildah.calls.size(), 1U) << "another Dockerfile's are others";
}

}  // namespace
}  // namespace slipway
