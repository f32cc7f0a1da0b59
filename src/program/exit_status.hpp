// What a subcommand ends with, and the one line that says why.
//
// Thread safety: any thread.
#pragma once

#include <string_view>

#include <slipway/core/error.hpp>

namespace slipway {

enum class ExitStatus : int { done = 0, failed = 1, wrong_usage = 2 };

/// Writes all of it to standard output; what nobody reads is dropped.
void print(std::string_view text);

/// `slipway: <text>` on standard error, as one line without control characters whatever the text
/// holds: messages quote what others wrote.
void print_error(std::string_view text);

/// Prints the message; the status is failed.
ExitStatus report_failure(const Error& error);

/// Prints the text; the status is wrong_usage.
ExitStatus report_wrong_usage(std::string_view text);

}  // namespace slipway
