// Importing an image: from an OCI layout or a Docker archive into a repository.
//
// Blobs are streamed, verified on their way, and not sent when the registry has them; manifests
// follow, children first; the reference moves last. When anything fails the tag is as it was, and
// what was sent is what garbage collection takes.
//
// Memory: the documents (layout_contents.hpp), the names of the source's files, and a few buffers,
// whatever the image's size. What can be read only once (standard input) is sent as it comes, with
// the blobs of images that were not asked for; nothing is written to disk.
//
// Thread safety: any thread; one call uses its source and client alone.
#pragma once

#include <cstdint>
#include <string>

#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>

#include "transfer/layout_source.hpp"
#include "transfer/registry_client.hpp"
#include "transfer/transfer_events.hpp"

namespace slipway {

struct ImportOptions {
  std::string ref;      // which of several images (import_plan.hpp)
  bool sparse = false;  // an index may name images that are not in the source
};

struct ImportSummary {
  Digest digest;
  std::string media_type;
  std::uint64_t manifests = 0;
  std::uint64_t blobs_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t blobs_there = 0;  // already, or mounted
};

/// A target that is a digest must be the image's. Errors: those of LayoutEntries, plan_import and
/// RegistryClient; digest_mismatch.
Result<ImportSummary> import_image(LayoutSource& source, RegistryClient& registry,
                                   const Reference& target, const ImportOptions& options,
                                   TransferEvents& events);

}  // namespace slipway
