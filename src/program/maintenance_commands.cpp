#include <slipway/core/quantity.hpp>

#include <algorithm>
#include <filesystem>

#include "json/writer.hpp"
#include "program/operation_command.hpp"
#include "program/progress_line.hpp"
#include "program/scrub_report.hpp"
#include "program/table.hpp"

namespace slipway {
namespace {

struct GcOptions {
  ClientOptions client;
};

struct ScrubOptions {
  ClientOptions client;
  std::optional<std::string> rate;
};

struct BackupOptions {
  ClientOptions client;
  std::string folder;
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

ExitStatus scrub(const ScrubOptions& options) {
  json::Writer json;
  json.begin_object();
  if (options.rate) json.member("rate", *options.rate);
  json.end_object();
  return run_operation(options.client, "scrub", json.str(), describe_scrub);
}

OperationOutcome describe_backup(json::Value result) {
  const auto number = [&](std::string_view name) {
    return result.find(name).as_uint64().value_or(0);
  };
  OperationOutcome outcome;
  outcome.text = slipway::format(
      "backed up to {}: {} of metadata, {} objects ({}), {} of them linked\n"
      "not included: admin.token, secret.key, uploads that have not ended\n",
      on_one_line(result.find("folder").text()), megabytes(number("metadata_bytes")),
      number("objects"), megabytes(number("object_bytes")), number("linked"));
  if (number("missing") > 0) {
    outcome.text += slipway::format("{} objects were missing; run slipway scrub\n",
                                    number("missing"));
    outcome.status = ExitStatus::failed;
  }
  return outcome;
}

ExitStatus backup(const BackupOptions& options) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::absolute(options.folder, error);
  if (error)
    return report_wrong_usage(slipway::format("FOLDER: \"{}\" is no path", options.folder));
  json::Writer json;
  json.begin_object().member("folder", folder.native()).end_object();
  return run_operation(options.client, "backup", json.str(), describe_backup);
}

std::optional<std::string> parse_rate(std::string_view text) {
  return parse_byte_size(text) ? std::optional(std::string(text)) : std::nullopt;
}

}  // namespace

void add_maintenance_commands(CLI::App& parent, Command& command) {
  {
    const auto [app, options] =
        add_command(parent, "gc", "Remove what nothing refers to", command, gc);
    add_client_options(*app, options->client);
  }
  {
    const auto [app, options] = add_command(
        parent, "scrub", "Read everything and compare it with its digest; exit status 1 when "
                         "something is damaged",
        command, scrub);
    add_parsed(*app, "--rate", {"BYTES", "bytes a second such as 20MiB"}, parse_rate,
               options->rate, "Read no faster (default: as fast as it goes)");
    add_client_options(*app, options->client);
  }
  {
    const auto [app, options] = add_command(
        parent, "backup", "Make a backup on the server's machine while it serves", command, backup);
    app->add_option("FOLDER", options->folder, "On the server's machine; empty or not there yet")
        ->required();
    add_client_options(*app, options->client);
  }
}

}  // namespace slipway
