// What buildah is called with.

#include <slipway/support/hasher.hpp>

#include "json/writer.hpp"
#include "worker/buildah_builder.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

/// The image that was built, in the build's own storage.
constexpr std::string_view image_name = "localhost/slipway-build:latest";

void add_policy(const BuildahCommand& command, std::vector<std::string>& arguments) {
  if (command.policy_file.empty()) return;
  arguments.emplace_back("--signature-policy");
  arguments.push_back(command.policy_file.string());
}

}  // namespace

std::vector<std::string> buildah_arguments(const BuildahCommand& command, std::string_view verb) {
  std::vector<std::string> arguments{"buildah",
                                     "--root",
                                     (command.storage / "root").string(),
                                     "--runroot",
                                     (command.storage / "run").string(),
                                     "--storage-driver",
                                     command.setup.storage_driver};
  for (const std::string& option : command.setup.storage_options) {
    arguments.emplace_back("--storage-opt");
    arguments.push_back(option);
  }
  arguments.emplace_back(verb);
  return arguments;
}

void add_registry_options(const BuildahCommand& command, std::vector<std::string>& arguments) {
  const auto add = [&arguments](const char* name, const fs::path& value) {
    if (value.empty()) return;
    arguments.emplace_back(name);
    arguments.push_back(value.string());
  };
  add("--authfile", command.auth_file);
  add("--cert-dir", command.certificates);
  add_policy(command, arguments);
}

std::vector<std::string> isolate_arguments(const IsolationSpec& isolation, const fs::path& folder) {
  std::vector<std::string> arguments{"/proc/self/exe", "isolate", "--users",
                                     std::to_string(isolation.first_user), "--folder",
                                     folder.string()};
  const auto add = [&](const char* name, std::string value) {
    arguments.emplace_back(name);
    arguments.push_back(std::move(value));
  };
  if (!isolation.hidden.empty()) add("--hide", isolation.hidden.string());
  if (isolation.processes) add("--processes", std::to_string(*isolation.processes));
  if (isolation.memory) add("--memory", std::to_string(*isolation.memory));
  return arguments;
}

std::vector<std::string> build_arguments(const BuildahCommand& command,
                                         const BuildRequest& request) {
  std::vector<std::string> arguments = buildah_arguments(command, "build");
  const auto add = [&arguments](std::string name, const std::string& value) {
    arguments.push_back(std::move(name));
    arguments.push_back(value);
  };
  add("--isolation", command.setup.isolation);
  add_registry_options(command, arguments);
  add("--format", command.docker_format ? "docker" : "oci");
  add("--retry", "2");
  add("--file", command.dockerfile.string());
  if (command.layers) {
    arguments.emplace_back("--layers");
    // What a RUN that failed wrote stays, so that a full disk can be seen; it goes with the storage.
    arguments.emplace_back("--force-rm=false");
    add("--tag", std::string(image_name));
  } else {
    arguments.emplace_back("--disable-compression=false");
    add("--tag", "dir:" + command.image.string());
  }
  if (!command.cache.empty()) {
    add("--cache-from", command.cache);
    add("--cache-to", command.cache);
  }
  if (!command.platform.empty()) add("--platform", command.platform);
  if (!request.target.empty()) add("--target", request.target);
  for (const auto& [name, value] : request.args) add("--build-arg", name + "=" + value);
  for (const auto& [id, file] : command.secrets)
    add("--secret", "id=" + id + ",src=" + file.string());
  arguments.push_back(command.context.string());
  return arguments;
}

std::vector<std::string> export_arguments(const BuildahCommand& command) {
  std::vector<std::string> arguments = buildah_arguments(command, "push");
  arguments.emplace_back("--quiet");
  add_policy(command, arguments);
  arguments.emplace_back("--format");
  arguments.emplace_back(command.docker_format ? "v2s2" : "oci");
  arguments.emplace_back(image_name);
  arguments.push_back("dir:" + command.image.string());
  return arguments;
}

std::string registry_auth_json(const WorkerInstructions& instructions) {
  json::Writer json;
  json.begin_object().key("auths").begin_object();
  const auto add = [&json](std::string_view host, const std::string& who) {
    json.key(host).begin_object().member("auth", base64_encode(who)).end_object();
  };
  add(instructions.registry, "worker:" + instructions.token);
  for (const RegistryLogin& login : instructions.registries)
    if (login.host != instructions.registry) add(login.host, login.username + ":" + login.password);
  json.end_object().end_object();
  return json.take();
}

}  // namespace slipway
