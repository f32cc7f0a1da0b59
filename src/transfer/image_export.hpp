// Exporting an image: from a repository into an OCI layout.
//
// The same image gives the same files in the same order. Memory: the manifests, at most 64 MiB of
// them, and a few buffers; blobs are streamed and verified on their way.
//
// Thread safety: any thread; one call uses its client and writer alone.
#pragma once

#include <cstdint>
#include <string>

#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>

#include "transfer/layout_writer.hpp"
#include "transfer/registry_client.hpp"
#include "transfer/transfer_events.hpp"

namespace slipway {

struct ExportOptions {
  bool referrers = false;  // what refers to the image, and to its parts, comes along
};

struct ExportSummary {
  Digest digest;
  std::string media_type;
  std::uint64_t manifests = 0;
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;    // of blobs
  std::uint64_t missing = 0;  // manifests that an index names and the repository has not
};

/// index.json names the image, under its tag where the reference is one, then its referrers.
/// Errors: those of RegistryClient and LayoutWriter; too_large (manifests).
Result<ExportSummary> export_image(const RegistryClient& registry, const Reference& reference,
                                   LayoutWriter& writer, const ExportOptions& options,
                                   TransferEvents& events);

}  // namespace slipway
