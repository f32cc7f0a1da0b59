// Builds for programs that have the engine in their own process: what the C API and Python do
// beside the queue's own calls.
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include <slipway/build/build.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>

#include "serve/engine.hpp"

namespace slipway {

/// Packs a folder (or takes a tar) and stores it as a blob of the repository, which a build can
/// then name as its source. Errors: invalid_argument (neither folder nor tar), io, quota_exceeded.
Result<ContextSource> store_context(Engine& engine, const RepositoryName& repository,
                                    const std::filesystem::path& path,
                                    const std::string& dockerfile);

/// The build once it has ended; when the time is up, as it stands then: look at its state.
/// Errors: not_found, io.
Result<Build> wait_for_build(Engine& engine, std::string_view id,
                             std::chrono::milliseconds timeout);

/// All bytes of a build's log from `offset` on. Errors: io, corrupt.
Result<std::string> read_whole_log(Engine& engine, std::string_view id, std::uint64_t offset);

/// All bytes of an open blob. Errors: io, corrupt (fewer than there should be).
Result<std::string> read_whole_blob(const Blob& blob);

}  // namespace slipway
