#include "config/configuration.hpp"
#include "program/command_line.hpp"

namespace slipway {
namespace {

struct CheckConfigOptions {
  std::string file;
};

ExitStatus check_config(const CheckConfigOptions& options) {
  const auto configuration = read_configuration(options.file);
  if (!configuration) return report_wrong_usage(configuration.error().message);
  print(slipway::format("{}: good\n", options.file));
  return ExitStatus::done;
}

}  // namespace

void add_check_config_command(CLI::App& parent, Command& command) {
  const auto [app, options] = add_command(
      parent, "check-config", "Say whether a configuration is one", command, check_config);
  app->add_option("FILE", options->file, "YAML file")->required();
}

}  // namespace slipway
