// RegistryTrust: the files by which a worker, its builder and registries know each other, beside
// the system's.
//
// The builder's copies lie where a RUN that leaves its chroot can read them. So a certificate that
// may sign others, as the server's local workers have, stays with the worker: the builder gets one
// that it signed, which is good until the build's end.
//
// Thread safety: plain values, and a function that writes a folder of the caller's.
#pragma once

#include <filesystem>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>

namespace slipway {

/// PEM files; each may be empty.
struct RegistryTrust {
  std::filesystem::path authorities;  // that registries' certificates may be signed by
  std::filesystem::path certificate;  // for registries that ask for one
  std::filesystem::path key;          // its key; empty: it is in the same file
};

/// Makes the folder as containers-certs.d(5) has it. Errors: io, internal.
Result<void> write_certificates(const RegistryTrust& trust, Timestamp end,
                                const std::filesystem::path& folder);

}  // namespace slipway
