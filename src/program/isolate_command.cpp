// slipway isolate: what a worker runs buildah by; no command for people.

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "program/command_line.hpp"
#include "support/isolation.hpp"

namespace slipway {
namespace {

struct IsolateOptions {
  unsigned users = 0;
  std::string hide;
  std::string folder;
  std::optional<std::uint64_t> processes;
  std::optional<std::uint64_t> memory;
  std::vector<std::string> words;  // the program and its arguments
};

/// Becomes the program. Answers what a shell answers when it cannot.
int become(const IsolateOptions& options, const std::filesystem::path& here) {
  constexpr int not_found = 127;
  // The folder of this name is another one since the real one was hidden.
  if (!options.folder.empty() && ::chdir(here.c_str()) < 0) return not_found;
  std::vector<std::string> words = options.words;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  print_error(words.front() + ": " + std::generic_category().message(errno));
  return not_found;
}

ExitStatus isolate(const IsolateOptions& options) {
  if (options.words.empty()) return report_wrong_usage("slipway isolate: expected a program");
  IsolationSpec spec;
  spec.first_user = options.users;
  spec.hidden = options.hide;
  spec.folder = options.folder;
  spec.processes = options.processes;
  spec.memory = options.memory;
  std::error_code error;
  const std::filesystem::path here = std::filesystem::current_path(error);
  const auto ended = run_isolated(spec, [&] { return become(options, here); });
  if (!ended) return report_failure(ended.error());
  return static_cast<ExitStatus>(*ended);
}

}  // namespace

void add_isolate_command(CLI::App& parent, Command& command) {
  const auto [app, options] =
      add_command(parent, "isolate", "Run a program as users of its own", command, isolate);
  app->group("");  // not in the help
  app->add_option("--users", options->users, "The first of 65,536")->type_name("UID")->required();
  app->add_option("--hide", options->hide, "A folder of which only --folder is seen")
      ->type_name("DIR");
  app->add_option("--folder", options->folder, "The program's own")->type_name("DIR");
  app->add_option("--processes", options->processes, "How many, of each user")->type_name("N");
  app->add_option("--memory", options->memory, "Of each process")->type_name("BYTES");
  app->prefix_command();  // the first other word is the program
  app->parse_complete_callback([app = app, options = options] { options->words = app->remaining(); });
}

}  // namespace slipway
