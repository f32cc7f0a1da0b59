// A build's context that is in this registry already.
//
// A digest names it: of a blob, which is a tar as it was uploaded or pushed, or of a manifest with
// one layer, which is the tar: an artifact such as `oras push` makes of a folder, or an image FROM
// scratch. So what one build or another program pushed is another build's source, byte for byte.
//
// The build keeps the blob from its submit on (docs/builds.md), whatever becomes of the manifest.
// Who may pull the repository is the caller's to ask; the worker gets these bytes from the server
// and no right to pull anything of that repository. What is in the tar is judged where it is
// unpacked, as of an upload.
//
// Thread safety: any thread.
#pragma once

#include <slipway/build/build.hpp>
#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>
#include <slipway/registry/registry.hpp>

namespace slipway {

/// The source of a build: the blob, how it is compressed by its first bytes, and the manifest where
/// one was named. Errors: not_found (neither blob nor manifest there), invalid_argument (an index, or
/// not one layer; what to do), io, corrupt.
Result<ContextSource> find_context(Registry& registry, const RepositoryName& repository,
                                   const Digest& digest);

}  // namespace slipway
