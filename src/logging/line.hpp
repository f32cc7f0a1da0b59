// One event as one line of text: `build leased build=01JD... backend="my machine"`.
//
// Whoever chooses a field's value (a client's path, a branch's name) must not be able to forge a
// line or a field, or to steer a terminal: a value that is anything but plain is put in quotes, and
// in them everything but printable ASCII is written as an escape.
//
// Thread safety: a pure function.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <slipway/support/log.hpp>

namespace slipway {

/// The event and its fields, without time, level and line break.
std::string format_log_line(std::string_view event, std::span<const LogField> fields);

}  // namespace slipway
