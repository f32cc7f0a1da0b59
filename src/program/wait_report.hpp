// Why a build waits, as people read it on a terminal.
//
// Thread safety: pure functions.
#pragma once

#include <string>

namespace slipway {

namespace json {
class Value;
}  // namespace json

/// Of the answer to GET /api/v1/builds/{id}/explain.
std::string wait_report(const json::Value& explanation);

}  // namespace slipway
