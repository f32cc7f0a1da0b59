// The JSON of GET /api/v1/builds/{id}/explain and GET /api/v1/queue: docs/http.md.
//
// Thread safety: pure functions.
#pragma once

#include <string>

#include <slipway/build/wait_explanation.hpp>

namespace slipway {

std::string to_json(const WaitExplanation& explanation);
std::string to_json(const QueueOverview& overview);

}  // namespace slipway
