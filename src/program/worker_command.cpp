#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <slipway/core/quantity.hpp>
#include <slipway/http/transport.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stop_token>
#include <thread>

#include "logging/standard_error_log.hpp"
#include "program/client_options.hpp"
#include "program/command_line.hpp"
#include "program/signals.hpp"
#include "support/worker_assignment.hpp"
#include "worker/worker.hpp"

namespace slipway {
namespace {

struct WorkerCommandOptions {
  std::optional<std::string> server;
  bool wait = false;
  std::optional<std::string> token_file;
  bool once = false;
  std::chrono::milliseconds idle_exit{0};
  std::optional<std::string> work_dir;
  std::string ca;
  std::string certificate;
  std::string key;
  std::optional<unsigned> users;
  std::string hide;
  std::optional<std::uint64_t> processes;
  std::optional<std::uint64_t> memory;
  std::uint64_t disk = 0;
};

Result<std::string> registration_token(const WorkerCommandOptions& options) {
  std::string token;
  if (options.token_file) {
    std::ifstream file(*options.token_file);
    if (!std::getline(file, token))
      return Error(ErrorCode::invalid_argument,
                   slipway::format("--token-file {}: expected a file with a registration token",
                                   *options.token_file));
  } else if (const char* text = std::getenv("SLIPWAY_WORKER_TOKEN")) {
    token = text;
    ::unsetenv("SLIPWAY_WORKER_TOKEN");
  }
  while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
  if (token.empty())
    return Error(ErrorCode::invalid_argument,
                 "slipway worker: expected a registration token, by --token-file or "
                 "SLIPWAY_WORKER_TOKEN");
  return token;
}

/// Waits for a build on standard input. False: there will be none.
bool take_assignment(const std::stop_token& stop, WorkerOptions& worker) {
  std::optional<WorkerAssignment> assignment;
  {
    const std::stop_callback told(stop, [] { ::shutdown(STDIN_FILENO, SHUT_RDWR); });
    assignment = await_assignment(STDIN_FILENO);
  }
  if (!assignment) return false;
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || ::dup2(null, STDIN_FILENO) < 0) return false;
  ::close(null);
  const std::filesystem::path folder = assignment->folder;
  // What it starts is known by these.
  ::setenv("SLIPWAY_WORKER", folder.c_str(), 1);
  ::setenv("TMPDIR", (folder / "tmp").c_str(), 1);
  worker.work_folder = folder / "work";
  worker.registration_token = std::move(assignment->registration_token);
  worker.server_url = std::move(assignment->server_url);
  return true;
}

ExitStatus work(const WorkerCommandOptions& options) {
  const Signals signals;
  if (!options.wait && !options.server)
    return report_wrong_usage("slipway worker: --server is required");
  auto token = options.wait ? std::string() : registration_token(options);
  if (!token) return report_wrong_usage(token.error().message);

  TransportOptions transport_options;
  transport_options.ca_file = options.ca;
  transport_options.certificate = options.certificate;
  transport_options.key = options.key;
  transport_options.user_agent = "slipway-worker/" SLIPWAY_VERSION;
  const auto transport = make_http_transport(transport_options);
  if (!transport) return report_failure(transport.error());

  WorkerOptions worker;
  worker.server_url = options.server.value_or("");
  worker.registration_token = std::move(*token);
  worker.idle_exit = options.idle_exit;
  worker.trust = {options.ca, options.certificate, options.key};
  worker.work_folder = options.work_dir
                           ? std::filesystem::path(*options.work_dir)
                           : std::filesystem::temp_directory_path() /
                                 slipway::format("slipway-worker-{}", ::getpid());

  worker.disk = options.disk;
  if (options.users) {
    worker.isolation.emplace();
    worker.isolation->first_user = *options.users;
    worker.isolation->hidden = options.hide;
    worker.isolation->processes = options.processes;
    worker.isolation->memory = options.memory;
  }

  // It waits for a signal until the program ends, and is not waited for.
  std::stop_source stop;
  std::thread([signals, stop]() mutable {
    (void)signals.wait();
    stop.request_stop();
    signals.end_at_once();
  }).detach();

  const auto log = make_standard_error_log();
  if (options.wait && !take_assignment(stop.get_token(), worker)) return ExitStatus::done;
  log->info("worker started", {{"server", worker.server_url}});
  const auto outcome =
      run_worker(worker, **transport, Clock::system(), *log, stop.get_token());
  if (!outcome) return report_failure(outcome.error());
  return ExitStatus::done;
}

}  // namespace

void add_worker_command(CLI::App& parent, Command& command) {
  const auto [app, options] =
      add_command(parent, "worker", "Carry out one build for a server", command, work);
  app->add_option("--server", options->server, "URL of the server")->type_name("URL");
  app->add_flag("--wait", options->wait,
                "Wait for a build: standard input is the socket by which a local backend gives it one");
  app->add_option("--token-file", options->token_file,
                  "File with the registration token (else SLIPWAY_WORKER_TOKEN)")
      ->type_name("FILE");
  app->add_flag("--once", options->once, "End after one build, as a worker always does");
  add_parsed(*app, "--idle-exit", {"DURATION", "a duration such as 30s or 10m"}, parse_duration,
             options->idle_exit, "Give up when no server answered for so long (default: never)");
  app->add_option("--work-dir", options->work_dir, "Folder for what a build needs meanwhile")
      ->type_name("DIR");
  app->add_option("--users", options->users,
                  "Build as root among 65,536 users from this one on, in namespaces (needs root)")
      ->type_name("UID");
  app->add_option("--hide", options->hide, "With --users: a folder that builds see nothing of")
      ->type_name("DIR");
  app->add_option("--processes", options->processes, "With --users: how many, of each user and together")
      ->type_name("N");
  app->add_option("--memory", options->memory,
                  "With --users: of all processes together where the machine has control groups, else "
                  "the data of each")
      ->type_name("BYTES");
  app->add_option("--disk", options->disk, "What a build may put on the disk")->type_name("BYTES");
  app->add_option("--ca", options->ca, "PEM file with more certificate authorities")
      ->type_name("FILE");
  add_certificate_options(*app, options->certificate, options->key);
}

}  // namespace slipway
