#include "program/program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <string>
#include <vector>

#include "program/command_line.hpp"

namespace slipway {
namespace {

/// The subcommand that the command line got to, with its name in full: "slipway build submit".
std::pair<const CLI::App*, std::string> deepest(const CLI::App& root) {
  const CLI::App* app = &root;
  std::string name = "slipway";
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    name.append(" ").append(app->get_name());
  }
  return {app, name};
}

std::string known_words(const CLI::App& app) {
  std::string words;
  const auto add = [&words](const std::string& word) {
    words.append(words.empty() ? "" : ", ").append(word);
  };
  // One without a group is for programs, not for people.
  for (const CLI::App* subcommand :
       app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); }))
    add(subcommand->get_name());
  if (words.empty())
    for (const CLI::Option* option : app.get_options()) add(option->get_name());
  return words;
}

ExitStatus explain(const CLI::App& root, const CLI::ParseError& error) {
  const auto [app, name] = deepest(root);
  const std::vector<std::string> rest = app->remaining();
  if (!rest.empty())
    return report_wrong_usage(slipway::format("{}: expected one of {}, got \"{}\"", name,
                                              known_words(*app), rest.front()));
  if (!app->get_subcommands([](const CLI::App*) { return true; }).empty())
    return report_wrong_usage(slipway::format("{}: expected one of {}", name, known_words(*app)));
  return report_wrong_usage(slipway::format("{}: {}", name, error.what()));
}

ExitStatus run(int argc, char** argv) {
  CLI::App app("A container registry that builds what it stores.", "slipway");
  app.set_version_flag("--version", "slipway " SLIPWAY_VERSION);
  app.require_subcommand(1);
  Command command;
  add_serve_command(app, command);
  add_worker_command(app, command);
  add_isolate_command(app, command);
  add_build_commands(app, command);
  add_trigger_commands(app, command);
  add_image_commands(app, command);
  add_notification_commands(app, command);
  add_token_commands(app, command);
  add_maintenance_commands(app, command);
  add_restore_command(app, command);
  add_check_config_command(app, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    app.exit(success);
    return ExitStatus::done;
  } catch (const CLI::ParseError& error) {
    return explain(app, error);
  }
  return command();
}

/// A file that is opened later must not become what a closed standard output was: messages would be
/// written into it.
void occupy_standard_descriptors() noexcept {
  for (int descriptor = 0; descriptor <= STDERR_FILENO; ++descriptor)
    if (::fcntl(descriptor, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0) return;
}

}  // namespace

int run_program(int argc, char** argv) noexcept {
  occupy_standard_descriptors();
  try {
    return static_cast<int>(run(argc, argv));
  } catch (const std::exception& exception) {
    return static_cast<int>(report_failure(Error(ErrorCode::internal, exception.what())));
  } catch (...) {
    return static_cast<int>(report_failure(Error(ErrorCode::internal, "it failed")));
  }
}

}  // namespace slipway
