// Operations as JSON, as the API shows them (docs/http.md).
//
// Thread safety: pure functions.
#pragma once

#include <slipway/registry/maintenance.hpp>

#include "json/writer.hpp"

namespace slipway {

void write_json(json::Writer& json, const Operation& operation);

}  // namespace slipway
