// problem+json for answers whose status is not the one of an error code: refused requests (431,
// 501) that no handler saw.
#pragma once

#include <string_view>

#include <slipway/http/handler.hpp>

namespace slipway {

/// As the public respond_with_problem, with this status.
void respond_with_problem(int status, const Error& error, HttpResponse& response);

/// The status of what HttpHandler::refuse answers. There a time-out is the client's.
int refusal_status(ErrorCode code) noexcept;

}  // namespace slipway
