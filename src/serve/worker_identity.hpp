// WorkerIdentity: what workers of this machine show to a server that asks clients for certificates.
//
// A server makes it for itself, and takes it beside those of the configured authorities. It stays
// the same over restarts, since workers outlive the server.
//
// Thread safety: one thread, while the data folder is held.
#pragma once

#include <filesystem>

#include <slipway/core/result.hpp>

namespace slipway {

/// The PEM file with certificate and key, mode 0600; made where it is not there yet.
/// Errors: io, quota_exceeded, internal.
Result<std::filesystem::path> ensure_worker_identity(const std::filesystem::path& data);

}  // namespace slipway
