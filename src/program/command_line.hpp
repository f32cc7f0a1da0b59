// How subcommands declare their options: each adds itself to the tree of CLI::App and, when it is
// the one that was asked for, leaves what is to run.
//
// A value that does not fit is told as `--listen: expected HOST:PORT such as 127.0.0.1:5000, got
// "x"`, whatever the option.
//
// Thread safety: none; used before anything runs.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "program/exit_status.hpp"
#include "support/format.hpp"

namespace slipway {

/// What the command line asked for; run after all of it was understood.
using Command = std::function<ExitStatus()>;

/// What describes an option's value: its name in the help, and what is expected of it.
struct ValueText {
  std::string_view name;      // "HOST:PORT"
  std::string_view expected;  // "HOST:PORT such as 127.0.0.1:5000"
};

/// An option whose text `parse` turns into an optional value for `out` (a T or an optional of it).
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, ValueText value, Parse parse, T& out,
                        const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [name, expected = std::string(value.expected), parse, &out](const std::string& text) {
            auto parsed = parse(std::string_view(text));
            if (!parsed)
              throw CLI::ValidationError(
                  name, slipway::format("expected {}, got \"{}\"", expected, text));
            out = std::move(*parsed);
          },
          description)
      ->type_name(std::string(value.name));
}

/// A new subcommand with its options in one place: `run` is left in `command` when it was asked
/// for. The options live as long as the application.
template <class Options>
std::pair<CLI::App*, std::shared_ptr<Options>> add_command(CLI::App& parent, const std::string& name,
                                                           const std::string& description,
                                                           Command& command,
                                                           ExitStatus (*run)(const Options&)) {
  CLI::App* app = parent.add_subcommand(name, description);
  auto options = std::make_shared<Options>();
  app->callback([options, run, &command] { command = [options, run] { return run(*options); }; });
  return {app, std::move(options)};
}

// One each in a file of its own: <name>_command.cpp.
void add_serve_command(CLI::App& app, Command& command);
void add_worker_command(CLI::App& app, Command& command);
void add_isolate_command(CLI::App& app, Command& command);
void add_check_config_command(CLI::App& app, Command& command);
void add_build_commands(CLI::App& app, Command& command);
void add_trigger_commands(CLI::App& app, Command& command);
void add_image_commands(CLI::App& app, Command& command);
void add_notification_commands(CLI::App& app, Command& command);
void add_token_commands(CLI::App& app, Command& command);
void add_maintenance_commands(CLI::App& app, Command& command);
void add_restore_command(CLI::App& app, Command& command);

}  // namespace slipway
