#include "worker/buildah_builder.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>

#include "support/cgroup.hpp"
#include "support/private_file.hpp"
#include "worker/buildah_failure.hpp"
#include "worker/dockerfile.hpp"
#include "worker/environment.hpp"
#include "worker/image_metadata.hpp"
#include "worker/layer_cache.hpp"
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

/// `group`: of the build, when it has one.
void add_usage(const ProcessEnd& end, const std::optional<Cgroup>& group, const fs::path& folder,
               ResourceUsage& usage) {
  usage.cpu += end.cpu;
  const std::uint64_t together = group ? group->usage().peak_memory : 0;
  usage.peak_memory_bytes =
      std::max({usage.peak_memory_bytes, end.peak_memory_bytes, together});
  usage.disk_bytes = std::max(usage.disk_bytes, disk_usage(folder));
}

/// How many ARG steps the stages have.
std::size_t arguments_in(const std::vector<DockerfileInstruction>& instructions) {
  return static_cast<std::size_t>(std::count_if(
      instructions.begin(), instructions.end(), [](const DockerfileInstruction& instruction) {
        return instruction.stage > 0 && instruction.keyword == "ARG";
      }));
}

/// Did the build end because of its cache alone?
bool is_cache_failure(const BuildahOutput& output) {
  return output.error().starts_with("failed pushing cache") ||
         output.error().starts_with("failed pulling cache");
}

class BuildahBuilder final : public Builder {
 public:
  explicit BuildahBuilder(BuildahBuilderOptions options) : options_(std::move(options)) {}

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
  /// buildah, or what isolates it, with the environment of this build.
  [[nodiscard]] ProcessSpec process(const BuildJob& job, std::vector<std::string> arguments) const;
  /// Makes the build's control group. Errors: unsupported, io.
  Result<void> begin_group();
  Step<std::vector<BuiltImage>> build_in_group(const BuildJob& job, const BuildLog& log,
                                               const std::stop_token& stop);
  [[nodiscard]] Shortages shortages_since(std::uint64_t machine_kills, std::uint64_t own_kills,
                                          const BuildJob& job) const;
  Step<BuiltImage> build_one(const BuildJob& job, BuildahCommand command, const Places& places,
                             const BuildLog& log, const std::stop_token& stop);
  Step<BuiltImage> export_image(const BuildJob& job, const BuildahCommand& command,
                                const BuildLog& log, const std::stop_token& stop);

  const BuildahBuilderOptions options_;
  std::optional<Cgroup> group_;                // of the build that runs
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
      work / "auth.json", registry_auth_json(job.instructions)));
  SLIPWAY_CHECK(write_private_file(
      work / "registries.conf",
      registries_conf(job.instructions.registry, job.instructions.registry_secure)));
  // Signatures are looked for here too, and an isolated build may not even look where root has them
  // (containers-registries.d(5); the second name is that of before containers/image 5.22).
  const fs::path lookaside = work / "tmp/.config/containers/registries.d";
  fs::create_directories(lookaside, error);
  if (error) return Error(ErrorCode::io, lookaside.string() + ": " + error.message());
  const std::string place = "file://" + (work / "tmp/sigstore").string();
  SLIPWAY_CHECK(write_private_file(lookaside / "default.yaml",
                                   "default-docker:\n  lookaside: " + place +
                                       "\n  sigstore: " + place + "\n"));
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

ProcessSpec BuildahBuilder::process(const BuildJob& job,
                                    std::vector<std::string> arguments) const {
  ProcessSpec spec;
  spec.environment = child_environment();
  if (options_.isolation) {
    IsolationSpec isolation = *options_.isolation;
    if (group_) isolation.memory.reset();  // it counts all together
    spec.arguments = isolate_arguments(isolation, job.work_folder.parent_path());
    // What is at home here cannot be read there.
    set_variable(spec.environment, "HOME", (job.work_folder / "tmp").string());
  }
  spec.arguments.insert(spec.arguments.end(), std::make_move_iterator(arguments.begin()),
                        std::make_move_iterator(arguments.end()));
  set_variable(spec.environment, "TMPDIR", (job.work_folder / "tmp").string());
  set_variable(spec.environment, "CONTAINERS_REGISTRIES_CONF",
               (job.work_folder / "registries.conf").string());
  set_variable(spec.environment, "CONTAINERS_STORAGE_CONF",
               (job.work_folder / "storage.conf").string());
  spec.folder = job.work_folder;
  if (group_) spec.groups = group_->entries();
  return spec;
}

Result<void> BuildahBuilder::begin_group() {
  if (!options_.isolation || options_.group_name.empty()) return {};
  const auto place = find_cgroup_place();
  if (!place) return {};  // the server has said so; each process has its limits
  const CgroupLimits limits{options_.isolation->memory, options_.isolation->processes};
  SLIPWAY_TRY(group_, Cgroup::make(*place, options_.group_name, limits));
  return {};
}

Shortages BuildahBuilder::shortages_since(std::uint64_t machine_kills, std::uint64_t own_kills,
                                          const BuildJob& job) const {
  Shortages shortages;
  shortages.memory = processes_killed_for_memory() > machine_kills;
  // buildah, when it has failed, frees some of what a RUN could not have.
  shortages.disk = is_full(job.work_folder, job.disk / 64);
  if (!group_ || !options_.isolation->memory) return shortages;
  const CgroupUsage usage = group_->usage();
  if (usage.at_memory_limit && usage.killed > own_kills) shortages.memory_limit = *options_.isolation->memory;
  return shortages;
}

Step<BuiltImage> BuildahBuilder::build_one(const BuildJob& job, BuildahCommand command,
                                           const Places& places, const BuildLog& log,
                                           const std::stop_token& stop) {
  const BuildRequest& request = job.instructions.build.request;
  const auto quietly = [&](std::string_view verb, std::vector<std::string> words)
      -> std::optional<std::string> {
    std::vector<std::string> arguments = buildah_arguments(command, verb);
    arguments.emplace_back("--quiet");
    add_registry_options(command, arguments);
    arguments.insert(arguments.end(), words.begin(), words.end());
    auto run = run_and_capture(process(job, std::move(arguments)), stop);
    if (!run || !run->end.success()) return std::nullopt;
    while (run->output.ends_with('\n')) run->output.pop_back();
    return std::move(run->output);
  };
  std::optional<LayerCache> cache;
  if (!command.cache.empty()) {
    cache.emplace(command.cache,
                  request.dockerfile + '\n' + request.context + '\n' + request.target + '\n' +
                      command.platform,
                  quietly);
    cache->fetch(arguments_in(places.instructions));
  }

  BuildahOutput output;
  const std::uint64_t kills_before = processes_killed_for_memory();
  const std::uint64_t own_kills_before = group_ ? group_->usage().killed : 0;
  ProcessSpec spec = process(job, build_arguments(command, request));
  spec.output = [&](std::string_view bytes) {
    output.add(bytes);
    if (cache) cache->watch(bytes);
    log(bytes);
  };
  auto run = run_process(spec, stop);
  output.finish();
  if (run && job.usage != nullptr) add_usage(*run, group_, job.work_folder, *job.usage);
  if (!run)
    return infrastructure_failure(
        run.error().code == ErrorCode::not_found ? "builder_missing" : "builder_failed",
        run.error().message);
  if (run->cause == ProcessEnd::Cause::stopped) return Stopped{};
  if (run->success() && cache) cache->save();
  if (run->success())
    return command.layers ? export_image(job, command, log, stop)
                          : Step<BuiltImage>(BuiltImage{command.image, command.platform});
  if (cache && is_cache_failure(output)) {
    log("\nThe layer cache cannot be written; what has not been built yet is built without it.\n");
    command.cache.clear();
    return build_one(job, std::move(command), places, log, stop);
  }

  BuildahFailure failed = classify_buildah_failure(
      output, *run, places.instructions,
      shortages_since(kills_before, own_kills_before, job));
  log("\n" +
      (failed.line == 0 ? "" : request.dockerfile + ":" + std::to_string(failed.line) + ": ") +
      failed.failure.message + "\n");
  return std::move(failed.failure);
}

Step<BuiltImage> BuildahBuilder::export_image(const BuildJob& job, const BuildahCommand& command,
                                              const BuildLog& log, const std::stop_token& stop) {
  ProcessSpec spec = process(job, export_arguments(command));
  spec.output = log;
  auto run = run_and_capture(std::move(spec), stop);
  if (run && run->end.success()) return BuiltImage{command.image, command.platform};
  if (run && run->end.cause == ProcessEnd::Cause::stopped) return Stopped{};
  const bool full = run && run->output.find("no space left on device") != std::string::npos;
  return infrastructure_failure(full ? "no_space" : "builder_failed",
                                "the built image cannot be exported: " +
                                    (run ? run->output.substr(0, 500) : run.error().message));
}

Step<std::vector<BuiltImage>> BuildahBuilder::build(const BuildJob& job, const BuildLog& log,
                                                    std::stop_token stop) {
  if (auto begun = begin_group(); !begun)
    return infrastructure_failure("builder_failed", begun.error().message);
  auto built = build_in_group(job, log, stop);
  if (group_) remove_cgroup(options_.group_name);
  group_.reset();
  return built;
}

Step<std::vector<BuiltImage>> BuildahBuilder::build_in_group(const BuildJob& job,
                                                             const BuildLog& log,
                                                             const std::stop_token& stop) {
  auto found = find_places(job);
  if (auto* failure = std::get_if<BuildFailure>(&found)) return std::move(*failure);
  const Places& places = std::get<Places>(found);
  MachineFacts facts = probe_machine(job.work_folder);
  facts.isolated = options_.isolation.has_value();
  const BuildahSetup setup = options_.setup ? *options_.setup : choose_buildah_setup(facts);
  if (auto ready = prepare(job, setup); !ready)
    return infrastructure_failure("builder_failed", ready.error().message);

  BuildahCommand command;
  if (!options_.trust.authorities.empty() || !options_.trust.certificate.empty()) {
    command.certificates = job.work_folder / "certificates";
    if (auto written = write_certificates(options_.trust, job.end, command.certificates); !written)
      return infrastructure_failure("builder_failed", written.error().message);
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
  // Each step of a cached build is a layer, and `vfs` would copy the whole image for each.
  const std::string& cache = job.instructions.layer_cache;
  command.layers = !cache.empty() && setup.storage_driver == "overlay";
  if (command.layers) command.cache = job.instructions.registry + "/" + cache;
  SecretFiles secrets(job.work_folder / "secrets");
  if (auto written = secrets.write(job.instructions.secrets.files); !written)
    return infrastructure_failure("builder_failed", written.error().message);
  command.secrets = secrets.list();
  if (options_.isolation)
    if (auto given = give_tree(job.work_folder.parent_path(), options_.isolation->first_user);
        !given)
      return infrastructure_failure("work_folder", given.error().message);


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
    if (auto labelled = label_image(command.image, image_labels(job)); !labelled)
      return infrastructure_failure("image_unreadable", labelled.error().message);
  }
  return images;
}

}  // namespace

std::unique_ptr<Builder> make_buildah_builder(BuildahBuilderOptions options) {
  return std::make_unique<BuildahBuilder>(std::move(options));
}

}  // namespace slipway
