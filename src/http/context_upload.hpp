// ContextUpload: a build's context on its way from the request into the repository.
//
// The bytes stream into an upload of the registry and are never in memory as a whole; the build is
// submitted when the blob is durable.
//
// Thread safety: as BodyReceiver.
#pragma once

#include <functional>
#include <memory>

#include <slipway/build/build.hpp>
#include <slipway/http/handler.hpp>

#include "http/api.hpp"

namespace slipway {

/// `request` is complete but for its context's digest. `submit` fills the response.
using SubmitBuild = std::function<Result<void>(const ApiCall&, const BuildRequest&, HttpResponse&)>;

std::unique_ptr<BodyReceiver> receive_context(ApiCallPointer call, BuildRequest request,
                                              SubmitBuild submit);

}  // namespace slipway
