#include "worker/buildah_builder.hpp"

#include <slipway/support/hasher.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>

#include "json/writer.hpp"
#include "worker/buildah_failure.hpp"
#include "worker/dockerfile.hpp"
#include "worker/environment.hpp"
#include "worker/git_source.hpp"
#include "worker/private_file.hpp"
#include "worker/process.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

/// A path of the source that a person named; nullopt when it is not there or leads out of it.
std::optional<fs::path> inside(const fs::path& root, const fs::path& folder,
                               const std::string& name) {
  std::error_code error;
  const fs::path real_root = fs::canonical(root, error);
  if (error) return std::nullopt;
  const fs::path found = fs::canonical(folder / fs::path(name).relative_path(), error);
  if (error) return std::nullopt;
  const auto mismatch =
      std::mismatch(real_root.begin(), real_root.end(), found.begin(), found.end());
  if (mismatch.first != real_root.end()) return std::nullopt;
  return found;
}

std::string read_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// Images without a registry's name come from Docker Hub, as people expect of a Dockerfile; only
/// this build's registry may be spoken to without TLS, and only when it has none.
std::string registries_conf(std::string_view registry, bool secure) {
  std::string text =
      "unqualified-search-registries = [\"docker.io\"]\nshort-name-mode = \"disabled\"\n";
  if (!secure)
    text.append("\n[[registry]]\nlocation = \"").append(registry).append("\"\ninsecure = true\n");
  return text;
}

/// buildah takes a folder, and of it the names that end in .crt (containers-certs.d(5)).
Result<void> copy_authorities(const fs::path& file, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::copy_file(file, folder / "ca.crt", fs::copy_options::overwrite_existing, error);
  if (error) return Error(ErrorCode::io, "--ca " + file.string() + ": " + error.message());
  return {};
}

/// Each secret in a file that only this user can read, under a name that is not its own; they go
/// with this object, before anything is pushed or reported.
class SecretFiles {
 public:
  explicit SecretFiles(fs::path folder) : folder_(std::move(folder)) {}
  SecretFiles(const SecretFiles&) = delete;
  SecretFiles& operator=(const SecretFiles&) = delete;
  ~SecretFiles() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  Result<void> write(const std::map<std::string, std::string>& secrets) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (!error) fs::permissions(folder_, fs::perms::owner_all, error);
    if (error) return Error(ErrorCode::io, folder_.string() + ": " + error.message());
    for (const auto& [id, value] : secrets) {
      list_.emplace_back(id, folder_ / std::to_string(list_.size()));
      SLIPWAY_CHECK(write_private_file(list_.back().second, value));
    }
    return {};
  }

  [[nodiscard]] const auto& list() const noexcept { return list_; }

 private:
  const fs::path folder_;
  std::vector<std::pair<std::string, fs::path>> list_;  // id, file
};

class BuildahBuilder final : public Builder {
 public:
  BuildahBuilder(fs::path ca_file, std::optional<BuildahSetup> setup)
      : ca_file_(std::move(ca_file)), setup_(std::move(setup)) {}

  Step<std::vector<BuiltImage>> build(const BuildJob& job, const BuildLog& log,
                                      std::stop_token stop) override;

 private:
  struct Places {
    fs::path context;
    fs::path dockerfile;
    std::string text;  // the Dockerfile's
    std::vector<DockerfileInstruction> instructions;
  };
  static std::variant<Places, BuildFailure> find_places(const BuildJob& job);
  static Result<void> prepare(const BuildJob& job, const BuildahSetup& setup);
  static bool needs_docker_format(const BuildJob& job, const Places& places, const BuildLog& log);
  static Step<BuiltImage> build_one(const BuildJob& job, const BuildahCommand& command,
                                    const Places& places, const BuildLog& log,
                                    const std::stop_token& stop);

  const fs::path ca_file_;
  const std::optional<BuildahSetup> setup_;
};

std::variant<BuildahBuilder::Places, BuildFailure> BuildahBuilder::find_places(
    const BuildJob& job) {
  const BuildRequest& request = job.instructions.build.request;
  const fs::path& root = job.source.folder;
  Places places;
  const auto context = inside(root, root, request.context);
  std::error_code error;
  if (!context || !fs::is_directory(*context, error))
    return user_failure("context_missing",
                        "the source has no folder \"" + request.context + "\" to build");
  places.context = *context;
  // As with `docker build -f` in that folder; then as seen from the source's root.
  auto dockerfile = inside(root, *context, request.dockerfile);
  if (!dockerfile) dockerfile = inside(root, root, request.dockerfile);
  if (!dockerfile || !fs::is_regular_file(*dockerfile, error))
    return user_failure("dockerfile_missing", "there is no file \"" + request.dockerfile +
                                                  "\" in folder \"" + request.context +
                                                  "\" of the source, nor in its root");
  places.dockerfile = *dockerfile;
  places.text = read_file(*dockerfile);
  places.instructions = read_dockerfile(places.text);
  return places;
}

Result<void> BuildahBuilder::prepare(const BuildJob& job, const BuildahSetup& setup) {
  const fs::path& work = job.work_folder;
  std::error_code error;
  for (const char* name : {"storage", "tmp", "image"}) {
    fs::create_directories(work / name, error);
    if (error) return Error(ErrorCode::io, (work / name).string() + ": " + error.message());
  }
  SLIPWAY_CHECK(write_private_file(
      work / "auth.json", registry_auth_json(job.instructions.registry, job.instructions.token)));
  SLIPWAY_CHECK(write_private_file(
      work / "registries.conf",
      registries_conf(job.instructions.registry, job.instructions.registry_secure)));
  SLIPWAY_CHECK(write_private_file(work / "policy.json",
                                   R"({"default": [{"type": "insecureAcceptAnything"}]})"));
  return write_private_file(work / "storage.conf",
                            "[storage]\ndriver = \"" + setup.storage_driver + "\"\nrunroot = \"" +
                                (work / "storage/run").string() + "\"\ngraphroot = \"" +
                                (work / "storage/root").string() + "\"\n");
}

bool BuildahBuilder::needs_docker_format(const BuildJob& job, const Places& places,
                                         const BuildLog& log) {
  const ImageFormat asked = job.instructions.build.request.format;
  if (asked != ImageFormat::automatic) return asked == ImageFormat::docker;
  const std::string_view instruction = docker_only_instruction(places.instructions);
  if (instruction.empty()) return false;
  log("The Dockerfile uses " + std::string(instruction) +
      ", which only Docker's image format can hold: the image is made in that format.\n");
  return true;
}

Step<BuiltImage> BuildahBuilder::build_one(const BuildJob& job, const BuildahCommand& command,
                                           const Places& places, const BuildLog& log,
                                           const std::stop_token& stop) {
  const BuildRequest& request = job.instructions.build.request;
  BuildahOutput output;
  ProcessSpec spec;
  spec.arguments = buildah_arguments(command, request);
  spec.environment = child_environment();
  set_variable(spec.environment, "TMPDIR", (job.work_folder / "tmp").string());
  set_variable(spec.environment, "CONTAINERS_REGISTRIES_CONF",
               (job.work_folder / "registries.conf").string());
  set_variable(spec.environment, "CONTAINERS_STORAGE_CONF",
               (job.work_folder / "storage.conf").string());
  spec.folder = job.work_folder;
  spec.output = [&](std::string_view bytes) {
    output.add(bytes);
    log(bytes);
  };
  auto run = run_process(spec, stop);
  output.finish();
  if (!run)
    return infrastructure_failure(
        run.error().code == ErrorCode::not_found ? "builder_missing" : "builder_failed",
        run.error().message);
  if (run->cause == ProcessEnd::Cause::stopped) return Stopped{};
  if (run->success()) return BuiltImage{command.image, command.platform};

  BuildahFailure failed = classify_buildah_failure(output, *run, places.instructions);
  log("\n" +
      (failed.line == 0 ? "" : request.dockerfile + ":" + std::to_string(failed.line) + ": ") +
      failed.failure.message + "\n");
  return std::move(failed.failure);
}

Step<std::vector<BuiltImage>> BuildahBuilder::build(const BuildJob& job, const BuildLog& log,
                                                    std::stop_token stop) {
  auto found = find_places(job);
  if (auto* failure = std::get_if<BuildFailure>(&found)) return std::move(*failure);
  const Places& places = std::get<Places>(found);
  const BuildahSetup setup =
      setup_ ? *setup_ : choose_buildah_setup(probe_machine(job.work_folder));
  if (auto ready = prepare(job, setup); !ready)
    return infrastructure_failure("builder_failed", ready.error().message);

  BuildahCommand command;
  if (!ca_file_.empty()) {
    command.certificates = job.work_folder / "certificates";
    if (auto copied = copy_authorities(ca_file_, command.certificates); !copied)
      return infrastructure_failure("builder_failed", copied.error().message);
  }
  command.setup = setup;
  command.storage = job.work_folder / "storage";
  command.auth_file = job.work_folder / "auth.json";
  std::error_code error;
  if (!fs::exists("/etc/containers/policy.json", error))
    command.policy_file = job.work_folder / "policy.json";
  command.context = places.context;
  command.dockerfile = places.dockerfile;
  command.docker_format = needs_docker_format(job, places, log);
  command.labels = image_labels(job);
  SecretFiles secrets(job.work_folder / "secrets");
  if (auto written = secrets.write(job.instructions.secrets.files); !written)
    return infrastructure_failure("builder_failed", written.error().message);
  command.secrets = secrets.list();


  std::vector<std::string> platforms = job.instructions.build.request.platforms;
  if (platforms.empty()) platforms.emplace_back();
  std::vector<BuiltImage> images;
  for (const std::string& platform : platforms) {
    if (platforms.size() > 1) log("Building for " + platform + "\n");
    command.platform = platform;
    command.image = job.work_folder / "image" / std::to_string(images.size());
    auto built = build_one(job, command, places, log, stop);
    if (auto* failure = std::get_if<BuildFailure>(&built)) return std::move(*failure);
    if (std::holds_alternative<Stopped>(built)) return Stopped{};
    images.push_back(std::get<BuiltImage>(std::move(built)));
  }
  return images;
}

}  // namespace

std::unique_ptr<Builder> make_buildah_builder(fs::path ca_file, std::optional<BuildahSetup> setup) {
  return std::make_unique<BuildahBuilder>(std::move(ca_file), std::move(setup));
}

std::vector<std::string> buildah_arguments(const BuildahCommand& command,
                                           const BuildRequest& request) {
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
  const auto add = [&arguments](std::string name, const std::string& value) {
    arguments.push_back(std::move(name));
    arguments.push_back(value);
  };
  arguments.emplace_back("build");
  add("--isolation", command.setup.isolation);
  add("--authfile", command.auth_file.string());
  if (!command.certificates.empty()) add("--cert-dir", command.certificates.string());
  if (!command.policy_file.empty()) add("--signature-policy", command.policy_file.string());
  add("--format", command.docker_format ? "docker" : "oci");
  arguments.emplace_back("--disable-compression=false");
  add("--retry", "2");
  add("--file", command.dockerfile.string());
  add("--tag", "dir:" + command.image.string());
  if (!command.platform.empty()) add("--platform", command.platform);
  if (!request.target.empty()) add("--target", request.target);
  for (const auto& [name, value] : request.args) add("--build-arg", name + "=" + value);
  for (const auto& [name, value] : command.labels) add("--label", name + "=" + value);
  for (const auto& [id, file] : command.secrets)
    add("--secret", "id=" + id + ",src=" + file.string());
  arguments.push_back(command.context.string());
  return arguments;
}

std::vector<std::pair<std::string, std::string>> image_labels(const BuildJob& job) {
  const BuildRequest& request = job.instructions.build.request;
  std::map<std::string, std::string> labels{{"org.opencontainers.image.created", job.created}};
  if (const auto* git = std::get_if<GitSource>(&request.source)) {
    labels["org.opencontainers.image.source"] = split_git_url(git->url).url;
    labels["org.opencontainers.image.revision"] = job.source.commit;
  }
  for (const auto& [name, value] : request.labels) labels[name] = value;
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  return {labels.begin(), labels.end()};
}

std::string registry_auth_json(std::string_view registry, std::string_view token) {
  json::Writer json;
  json.begin_object().key("auths").begin_object().key(registry).begin_object();
  json.member("auth", base64_encode("worker:" + std::string(token)));
  json.end_object().end_object().end_object();
  return json.take();
}

}  // namespace slipway
