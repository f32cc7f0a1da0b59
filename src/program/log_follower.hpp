// Following a build's log to its end, over connections that may break.
//
// Thread safety: none.
#pragma once

#include <slipway/build/build.hpp>
#include <slipway/core/result.hpp>

#include <functional>
#include <string_view>

#include "program/api_client.hpp"

namespace slipway {

using LogSink = std::function<void(std::string_view)>;

/// Gives the log's bytes to the sink, each once, until the build has ended, and answers the build.
/// A server that is away is tried again for two minutes. Errors: as ApiClient::get.
Result<Build> follow_build(const ApiClient& client, std::string_view id, const LogSink& sink);

/// The log so far. Errors: as ApiClient::get.
Result<void> read_log(const ApiClient& client, std::string_view id, const LogSink& sink);

}  // namespace slipway
