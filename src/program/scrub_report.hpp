// What a scrub found, for people.
//
// Thread safety: pure functions.
#pragma once

#include "json/value.hpp"
#include "program/operation_command.hpp"

namespace slipway {

/// Of a scrub's report as JSON; anything that is not sound makes it a failure.
OperationOutcome describe_scrub(json::Value report);

}  // namespace slipway
