// Pushing what a builder made, by digest only: no tag moves and no name is left behind. The server
// moves the build's tags when the build is finished, all at once.
//
// The worker speaks the distribution API itself, over the same transport as its other calls: a push
// outlives a restart of the server (blobs that have arrived are found by HEAD and not sent again),
// layers go as they were compressed when they were built, and a refusal is a status, not a text to
// guess from. OCI distribution specification 1.1: "Pushing a blob monolithically", POST then PUT;
// "Pushing manifests".
//
// Failures. User: quota_exceeded, push_rejected (the registry takes no such image). Infrastructure:
// push_denied, registry_unreachable, image_unreadable, push_failed.
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include <slipway/core/digest.hpp>

#include "worker/builder.hpp"
#include "worker/server_link.hpp"

namespace slipway {

struct PushTarget {
  std::string registry;  // host:port
  bool secure = false;
  std::string repository;
  std::string token;
  std::chrono::milliseconds patience{std::chrono::hours(24)};
  unsigned parallel = 3;  // blobs at a time
};

/// Answers the digest of the image, or of the index that holds the images of several platforms.
Step<Digest> push_images(const std::vector<BuiltImage>& images, const PushTarget& target,
                         ServerLink& link, const BuildLog& log, std::stop_token stop);

}  // namespace slipway
