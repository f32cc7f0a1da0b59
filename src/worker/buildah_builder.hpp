// Builder that runs buildah.
//
// Storage, temporary files and credentials of a build lie in its work folder and go with it;
// nothing is shared between builds. The image is committed to a folder with its layers compressed
// once, in the form in which they are pushed. Build arguments are in buildah's arguments, as
// Docker's are; the registry's token is in a file that only this user can read.
//
// Needs: buildah 1.23 or later in PATH.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/isolation.hpp"
#include "worker/buildah_setup.hpp"
#include "worker/builder.hpp"
#include "worker/registry_trust.hpp"

namespace slipway {

struct BuildahBuilderOptions {
  RegistryTrust trust = {};
  std::optional<BuildahSetup> setup;  // nullopt: probed
  std::optional<IsolationSpec> isolation;
  /// Of the control group that each build has, where the machine has them, with the memory and the
  /// processes of `isolation` as limits of all of it together; empty: none.
  std::string group_name = {};
};

std::unique_ptr<Builder> make_buildah_builder(BuildahBuilderOptions options = {});

/// What buildah is called with, for one platform.
struct BuildahCommand {
  BuildahSetup setup;
  std::filesystem::path storage;  // --root and --runroot are below it
  std::filesystem::path auth_file;
  std::filesystem::path certificates;  // a folder, see containers-certs.d(5); empty: none
  std::filesystem::path policy_file;  // for a machine that has none; empty: the machine's
  std::filesystem::path context;
  std::filesystem::path dockerfile;
  std::filesystem::path image;  // the folder that is made
  std::string platform;
  bool docker_format = false;
  bool layers = false;  // each step is a layer, found again in the storage
  std::string cache;    // host:port/repository where layers are also kept; empty: nowhere
  std::vector<std::pair<std::string, std::filesystem::path>> secrets;  // id, the file that has it
};
/// buildah's own options, and the command. Options of the command go behind it.
std::vector<std::string> buildah_arguments(const BuildahCommand& command, std::string_view verb);
/// Credentials, certificates and policy, for what speaks to registries.
void add_registry_options(const BuildahCommand& command, std::vector<std::string>& arguments);
/// `slipway isolate` with its options: what it runs goes behind it.
std::vector<std::string> isolate_arguments(const IsolationSpec& isolation,
                                           const std::filesystem::path& folder);

/// Without layers the image is made at once in its folder; with them it is made under a name.
std::vector<std::string> build_arguments(const BuildahCommand& command,
                                         const BuildRequest& request);
/// From that name into its folder.
std::vector<std::string> export_arguments(const BuildahCommand& command);

/// ~/.docker/config.json's form: the build's token for this server, and the tenant's logins.
std::string registry_auth_json(const WorkerInstructions& instructions);

}  // namespace slipway
