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
#include <vector>

#include "worker/buildah_setup.hpp"
#include "worker/builder.hpp"

namespace slipway {

/// Registries may show certificates of `ca_file`'s authorities (PEM), beside the system's; empty:
/// only the system's. The setup is probed when it is not given.
std::unique_ptr<Builder> make_buildah_builder(std::filesystem::path ca_file = {},
                                              std::optional<BuildahSetup> setup = std::nullopt);

/// What buildah is called with, for one platform.
struct BuildahCommand {
  BuildahSetup setup;
  std::filesystem::path storage;  // --root and --runroot are below it
  std::filesystem::path auth_file;
  std::filesystem::path certificates;  // a folder of *.crt to trust; empty: none
  std::filesystem::path policy_file;  // for a machine that has none; empty: the machine's
  std::filesystem::path context;
  std::filesystem::path dockerfile;
  std::filesystem::path image;  // the folder that is made
  std::string platform;
  bool docker_format = false;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::filesystem::path>> secrets;  // id, the file that has it
};
std::vector<std::string> buildah_arguments(const BuildahCommand& command,
                                           const BuildRequest& request);

/// The labels of an image: the OCI annotations' names (image specification, "Annotations") for
/// commit, source and time, and the request's own, which win.
std::vector<std::pair<std::string, std::string>> image_labels(const BuildJob& job);

/// ~/.docker/config.json's form, with the token for the registry's host.
std::string registry_auth_json(std::string_view registry, std::string_view token);

}  // namespace slipway
