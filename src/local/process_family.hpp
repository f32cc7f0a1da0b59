// All processes of a worker, wherever they went.
//
// A process belongs to a worker when it is its leader, is in the leader's session, descends from
// the leader (the worker takes orphans in while it lives), was started with the worker's variable
// in its environment, or has its root (chroot) in the worker's folder: what a RUN left behind when
// its worker was killed.
//
// Thread safety: any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "support/process_tree.hpp"

namespace slipway {

/// SLIPWAY_WORKER=<folder of the worker>: set for the worker, passed on to what it runs.
inline constexpr std::string_view worker_variable = "SLIPWAY_WORKER";

std::vector<ProcessInfo> worker_family(const std::filesystem::path& folder,
                                       const std::optional<ProcessId>& leader);

/// Kills them all, the leader last. False: something cannot be killed.
bool end_worker_family(const std::filesystem::path& folder, const std::optional<ProcessId>& leader);

}  // namespace slipway
