// The log of the program: one line an event on standard error.
//
//   2026-11-24T09:05:03.007Z info build leased build=01JDCZ0M4Y7W3Q6S8N2V5X9K1B backend=local
//
// A line is written whole, under a lock, before write returns: nothing is lost when the program
// ends, and lines of threads do not mix. An event below the least level costs a comparison.
//
// Thread safety: as Log's.
#pragma once

#include <memory>

#include <slipway/support/log.hpp>

namespace slipway {

std::unique_ptr<Log> make_standard_error_log(LogLevel least = LogLevel::info);

}  // namespace slipway
