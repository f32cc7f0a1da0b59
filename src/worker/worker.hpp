// The engine of `slipway worker`: one build, from its registration to its report.
//
// The worker knows a URL and a one-time token. It trades the token for the build's instructions,
// fetches the source, builds, pushes, and reports a digest or a typed failure. While it does, it
// heartbeats and sends its log. It outlives its server: calls are repeated, with a growing and
// jittered delay, until they are answered. An answer 409 to any call means that the attempt is
// over: everything that runs is killed and nothing is reported.
//
// The process that calls run_worker becomes the one to which orphaned descendants are given
// (PR_SET_CHILD_SUBREAPER), so that nothing of a build outlives it.
//
// Thread safety: one run_worker a process, on any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include <slipway/core/result.hpp>
#include <slipway/http/transport.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/log.hpp>

#include "support/isolation.hpp"
#include "worker/registry_trust.hpp"

namespace slipway {

struct WorkerOptions {
  std::string server_url;  // "https://registry.example.com", with or without a slash behind
  std::string registration_token;
  std::filesystem::path work_folder;  // made when missing; what a build leaves in it is removed
  RegistryTrust trust;                // what the builder shows to registries and believes of them
  /// How what a Dockerfile says is kept from harm; nullopt: it runs as this process' user. `folder`
  /// is filled in.
  std::optional<IsolationSpec> isolation;
  /// What a build may put on the disk, its source included, in bytes; 0: no limit. See build_disk.hpp.
  std::uint64_t disk = 0;
  /// How long a server that does not answer is tried before the build is registered; 0: for ever.
  std::chrono::milliseconds idle_exit{0};
  /// How long a server that does not answer is tried afterwards.
  std::chrono::milliseconds patience{std::chrono::hours(24)};
};

enum class WorkerOutcome {
  succeeded,  // a digest was reported
  failed,     // a failure was reported
  stopped,    // the attempt was over before its end was reported, or the stop token asked
};

/// Runs the build with buildah. `stop` ends it as a 409 would. Errors: unauthenticated or conflict
/// (the token is unknown or used), unavailable (nobody answered for idle_exit or patience),
/// invalid_argument (URL, or instructions that make no sense), io (work folder).
Result<WorkerOutcome> run_worker(const WorkerOptions& options, HttpTransport& transport,
                                 Clock& clock = Clock::system(), Log& log = Log::none(),
                                 std::stop_token stop = {});

}  // namespace slipway
