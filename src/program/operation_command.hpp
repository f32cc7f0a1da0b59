// Starting a long operation of a server and following it to its end: what gc, scrub and backup share.
//
// Thread safety: none.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "json/value.hpp"
#include "program/client_options.hpp"

namespace slipway {

/// What an operation that succeeded came to.
struct OperationOutcome {
  std::string text;  // lines for people
  ExitStatus status = ExitStatus::done;
};

using DescribeOutcome = std::function<OperationOutcome(json::Value result)>;

/// Starts the kind with these options (a JSON object) and shows on standard error how far it has
/// come until it has ended. What `describe` makes of its result goes to standard output, or with
/// `--output json` the operation as the API shows it. One that failed or was cancelled is a failure.
ExitStatus run_operation(const ClientOptions& client, std::string_view kind,
                         std::string_view options, const DescribeOutcome& describe);

}  // namespace slipway
