#include <algorithm>

#include "program/operation_command.hpp"

namespace slipway {
namespace {

struct GcOptions {
  ClientOptions client;
};

/// A line each: "blobs removed: 12".
OperationOutcome list_members(json::Value result) {
  OperationOutcome outcome;
  for (const auto& [name, value] : result.members()) {
    std::string line(name);
    std::replace(line.begin(), line.end(), '_', ' ');
    if (const auto number = value.as_uint64())
      outcome.text += slipway::format("{}: {}\n", line, *number);
  }
  return outcome;
}

ExitStatus gc(const GcOptions& options) {
  return run_operation(options.client, "gc", "{}", list_members);
}

}  // namespace

void add_maintenance_commands(CLI::App& parent, Command& command) {
  {
    const auto [app, options] =
        add_command(parent, "gc", "Remove what nothing refers to", command, gc);
    add_client_options(*app, options->client);
  }
}

}  // namespace slipway
