// ProcessBackend: how it starts worker programs.

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <system_error>
#include <utility>

#include "local/process_backend.hpp"
#include "local/process_family.hpp"
#include "local/process_launch.hpp"
#include "local/process_record.hpp"
#include "support/isolation.hpp"
#include "support/private_file.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr const char* place_file = "place";

/// As a whole: two servers of one folder may do it at once, in one process too.
Result<void> write_private(const fs::path& file, std::string_view content) {
  const std::string draft = file.string() + "." + std::to_string(::gettid());
  return replace_private_file(file, draft, content, Flush::no);
}

/// The worker's environment: what programs need, and nothing that is secret.
std::vector<std::string> worker_environment(const fs::path& folder) {
  const auto inherited = [](const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return std::string(name) + "=" + (value != nullptr ? value : otherwise);
  };
  return {inherited("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
          inherited("HOME", "/"), inherited("LANG", "C.UTF-8"),
          "TMPDIR=" + (folder / "tmp").string(),
          std::string(worker_variable) + "=" + folder.string()};
}

}  // namespace

std::optional<unsigned> ProcessBackend::place_in(std::string_view worker) const {
  std::ifstream file(folder_of(worker) / place_file);
  unsigned place = 0;
  return file >> place ? std::optional(place) : std::nullopt;
}

std::uint32_t ProcessBackend::user_of(unsigned place) const {
  return *options_.first_user + place * isolated_users;
}

Result<void> ProcessBackend::make_folder(const fs::path& folder, unsigned place) {
  std::error_code error;
  for (const fs::path& part : {folder, folder / "work", folder / "tmp"}) {
    fs::create_directories(part, error);
    if (!error) fs::permissions(part, fs::perms::owner_all, error);
    if (error) return Error(ErrorCode::io, part.string() + ": " + error.message());
  }
  if (options_.first_user)
    SLIPWAY_CHECK(write_private(folder / place_file, std::to_string(place) + "\n"));
  return {};
}

LaunchSpec ProcessBackend::launch_spec(const fs::path& folder, unsigned place,
                                       const std::vector<std::string>& how) const {
  LaunchSpec spec;
  spec.program = options_.program;
  spec.arguments = {options_.program.string(), "worker"};
  spec.arguments.insert(spec.arguments.end(), how.begin(), how.end());
  for (std::string word : {std::string("--once"), std::string("--work-dir"),
                           (folder / "work").string()})
    spec.arguments.push_back(std::move(word));
  spec.arguments.insert(spec.arguments.end(), options_.worker_arguments.begin(),
                        options_.worker_arguments.end());
  spec.environment = worker_environment(folder);
  if (options_.first_user)
    for (std::string word : {std::string("--users"), std::to_string(user_of(place)),
                             std::string("--hide"), options_.hidden.string(),
                             std::string("--processes"), std::to_string(options_.processes)})
      spec.arguments.push_back(std::move(word));
  if (options_.first_user && options_.memory > 0) {
    spec.arguments.emplace_back("--memory");
    spec.arguments.push_back(std::to_string(options_.memory));
  }
  if (options_.disk > 0) {
    spec.arguments.emplace_back("--disk");
    spec.arguments.push_back(std::to_string(options_.disk));
  }
  spec.folder = folder / "work";
  spec.output = folder / "output";
  spec.record = folder / "worker.json";
  spec.boot_id = boot_id_;
  return spec;
}

Result<std::optional<ProcessId>> ProcessBackend::launch(const WorkerRequest& request,
                                                        unsigned place) {
  const fs::path folder = folder_of(request.name);
  const fs::path token = folder / "token";
  SLIPWAY_CHECK(make_folder(folder, place));
  SLIPWAY_CHECK(write_private(token, request.registration_token));
  const LaunchSpec spec = launch_spec(
      folder, place, {"--server", request.server_url, "--token-file", token.string()});
  SLIPWAY_TRY(std::optional<ProcessId> process, launch_detached(spec));
  if (process) return process;
  // Another server of this folder was faster.
  const auto record = read_process_record(spec.record);
  if (!record) return Error(ErrorCode::io, spec.record.string() + ": malformed");
  return record->boot_id == boot_id_ ? std::optional(record->process) : std::nullopt;
}

}  // namespace slipway
