// Fetching the build context that was uploaded with the build.
//
// The bytes go to a file first, so that a broken connection can be repeated and is not mistaken for
// a damaged archive; their digest is compared. Unpacking: archive/tar_extract.hpp.
//
// Failures. User: context_invalid. Infrastructure: context_unavailable, no_space.
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>

#include <slipway/build/build.hpp>

#include "archive/tar_extract.hpp"
#include "worker/builder.hpp"
#include "worker/server_link.hpp"

namespace slipway {

struct ContextFetch {
  ContextSource source;
  std::string url;  // …/context
  std::string token;
  std::filesystem::path folder;   // made
  std::filesystem::path scratch;  // exists
  std::chrono::milliseconds patience{std::chrono::hours(24)};
  ExtractLimits limits;
};

Step<FetchedSource> fetch_context(const ContextFetch& fetch, ServerLink& link, const BuildLog& log,
                                  std::stop_token stop);

}  // namespace slipway
