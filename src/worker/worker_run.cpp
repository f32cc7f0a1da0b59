#include "worker/worker_run.hpp"

#include <slipway/core/quantity.hpp>
#include <slipway/support/hasher.hpp>

#include <sys/utsname.h>

#include <algorithm>
#include <system_error>

#include "support/remove_tree.hpp"
#include "worker/build_disk.hpp"
#include "worker/buildah_setup.hpp"
#include "worker/context_source.hpp"
#include "worker/git_source.hpp"
#include "worker/image_push.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds call_timeout{10'000};
constexpr milliseconds last_word_timeout{2'000};
constexpr std::chrono::hours longest_build{7 * 24};  // of one that has no timeout

/// "linux/amd64", as images name it.
std::string own_platform() {
  utsname names{};
  ::uname(&names);
  const std::string machine = names.machine;
  if (machine == "x86_64") return "linux/amd64";
  if (machine == "aarch64") return "linux/arm64";
  return "linux/" + machine;
}

std::string base_url(std::string_view server) {
  while (server.ends_with('/')) server.remove_suffix(1);
  return std::string(server) + "/worker/v1/";
}

Error refused(std::string_view call, const IncomingResponse& response) {
  ErrorCode code = ErrorCode::invalid_argument;
  if (response.status == 401 || response.status == 403) code = ErrorCode::unauthenticated;
  if (means_over(response.status) && code == ErrorCode::invalid_argument)
    code = ErrorCode::conflict;
  return Error(code, std::string(call) + ": the server answered " +
                         std::to_string(response.status) + ": " + response.body.substr(0, 500));
}

template <class To, class From>
Step<To> pass_on(Step<From>&& step) {
  if (auto* failure = std::get_if<BuildFailure>(&step)) return std::move(*failure);
  return Stopped{};
}

}  // namespace

WorkerRun::WorkerRun(const WorkerOptions& options, HttpTransport& transport, Builder& builder,
                     Clock& clock, Log& log)
    : options_(options),
      builder_(builder),
      log_(log),
      link_(transport, clock),
      base_(base_url(options.server_url)) {}

WorkerRun::~WorkerRun() = default;

std::string WorkerRun::url(std::string_view call) const {
  return base_ + "builds/" + instructions_->build.id + "/" + std::string(call);
}

OutgoingRequest WorkerRun::post(std::string_view call, std::string body) const {
  OutgoingRequest request;
  request.method = HttpMethod::post;
  request.url = url(call);
  request.fields = {{"Authorization", "Bearer " + instructions_->token},
                    {"Content-Type", "application/json"}};
  request.body = std::move(body);
  request.timeout = call_timeout;
  return request;
}

Result<WorkerOutcome> WorkerRun::run(std::stop_token stop) {
  auto registered = register_with_server(stop);
  if (!registered) {
    if (stop.stop_requested()) return WorkerOutcome::stopped;
    return std::move(registered).error();
  }
  instructions_ = std::make_unique<WorkerInstructions>(*std::move(registered));
  deadline_ = link_.clock().monotonic() + instructions_->timeout;
  know_secrets();
  log_.info("worker registered", {{"build", instructions_->build.id},
                                  {"repository", instructions_->build.request.repository.str()}});

  LogSenderOptions sending;
  sending.url = url("log");
  sending.token = instructions_->token;
  sending.offset = instructions_->log_offset;
  sending.patience = options_.patience;
  sending.work = work_stop_.get_token();
  sending.over = over_stop_.get_token();
  sender_ = std::make_unique<LogSender>(link_, std::move(sending), [this] { attempt_is_over(); });
  const std::stop_callback told(stop, [this] { work_stop_.request_stop(); });
  std::jthread heart([this](const std::stop_token& end) { heartbeat(end); });

  const Step<Digest> result = with_own_limits(work());
  auto outcome = report(result, stop);
  heart.request_stop();
  heart.join();
  sender_.reset();
  if (auto removed = root_.empty() ? Result<void>() : remove_tree(root_); !removed)
    log_.warning("work folder left behind", {{"error", removed.error().message}});
  return outcome;
}

Result<WorkerInstructions> WorkerRun::register_with_server(const std::stop_token& stop) {
  constexpr std::size_t nonce_bytes = 16;
  const RegisterCall call{options_.registration_token, random_hex(nonce_bytes), own_platform()};
  SLIPWAY_TRY(const IncomingResponse response,
              link_.send(
                  [&] {
                    OutgoingRequest request;
                    request.method = HttpMethod::post;
                    request.url = base_ + "register";
                    request.fields = {{"Content-Type", "application/json"}};
                    request.body = to_json(call);
                    request.timeout = call_timeout;
                    return request;
                  },
                  options_.idle_exit, stop));
  if (response.status != 200) return refused("register", response);
  return parse_worker_instructions(response.body);
}

void WorkerRun::know_secrets() {
  const BuildSecrets& secrets = instructions_->secrets;
  mask_.add(options_.registration_token);
  mask_.add(instructions_->token);
  for (const auto& [id, value] : secrets.files) mask_.add(value);
  for (const RegistryLogin& login : instructions_->registries) mask_.add(login.password);
  if (secrets.git_url.empty()) return;
  const GitUrl git = split_git_url(secrets.git_url);
  mask_.add(git.password.empty() ? git.user : git.password);
  mask_.add(git.encoded_password);
}

BuildLog WorkerRun::masked_log() {
  return [this](std::string_view bytes) {
    const std::lock_guard lock(mask_mutex_);
    mask_.append(bytes, [this](std::string_view safe) { send_timed(safe); });
  };
}

void WorkerRun::flush_log() {
  const std::lock_guard lock(mask_mutex_);
  mask_.flush([this](std::string_view safe) { send_timed(safe); });
  step_times_.finish(link_.clock().monotonic(),
                     [this](std::string_view text) { sender_->append(text); });
}

void WorkerRun::send_timed(std::string_view bytes) {
  step_times_.pass(bytes, link_.clock().monotonic(),
                   [this](std::string_view text) { sender_->append(text); });
}

Result<void> WorkerRun::prepare_folder() {
  std::string name = instructions_->build.id;
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != name.npos)
    return Error(ErrorCode::invalid_argument, "the server sent a build without a proper id");
  std::error_code error;
  const fs::path base = fs::absolute(options_.work_folder, error);
  root_ = folder_ = base / ("build-" + name);
  SLIPWAY_CHECK(remove_tree(root_));
  if (options_.disk > 0 && choose_disk_bound(probe_disk()) == DiskBound::file_system) {
    folder_ = root_ / "disk";
    fs::create_directories(root_, error);
    if (!error) fs::permissions(root_, fs::perms::owner_all, error);
    if (error) return Error(ErrorCode::io, root_.string() + ": " + error.message());
    SLIPWAY_CHECK(mount_build_disk(root_ / "disk.ext4", folder_, options_.disk));
  }
  for (const char* part : {"scratch", "builder"}) {
    fs::create_directories(folder_ / part, error);
    if (error) return Error(ErrorCode::io, (folder_ / part).string() + ": " + error.message());
  }
  fs::permissions(folder_, fs::perms::owner_all, error);
  disk_watched_ = options_.disk > 0 && folder_ == root_;
  return {};
}

Step<Digest> WorkerRun::work() {
  if (auto ready = prepare_folder(); !ready)
    return infrastructure_failure("work_folder", ready.error().message);
  if (!begin_phase(BuildPhase::fetching, {})) return Stopped{};
  auto source = fetch();
  auto* fetched = std::get_if<FetchedSource>(&source);
  if (fetched == nullptr) return pass_on<Digest>(std::move(source));

  if (!begin_phase(BuildPhase::building, fetched->commit)) return Stopped{};
  auto built = build(*fetched);
  auto* images = std::get_if<std::vector<BuiltImage>>(&built);
  if (images == nullptr) return pass_on<Digest>(std::move(built));

  if (!begin_phase(BuildPhase::pushing, fetched->commit)) return Stopped{};
  return push(*images);
}

bool WorkerRun::begin_phase(BuildPhase phase, const std::string& commit) {
  const PhaseCall call{phase, commit};
  auto response = link_.send([&] { return post("phase", to_json(call)); }, options_.patience,
                             work_stop_.get_token());
  if (!response || work_stop_.stop_requested()) return false;
  if (response->status == 200) return true;
  attempt_is_over();
  return false;
}

Step<FetchedSource> WorkerRun::fetch() {
  const BuildSource& source = instructions_->build.request.source;
  const BuildLog log = masked_log();
  if (const auto* git = std::get_if<GitSource>(&source)) {
    GitFetch fetch{*git, instructions_->git_protocols, folder_ / "source", folder_ / "scratch"};
    fetch.location_of = [this](const std::string& at) -> std::optional<std::string> {
      OutgoingRequest get;
      get.url = at + std::string(git_discovery);
      get.timeout = call_timeout;
      const auto answer = link_.send_once(get, work_stop_.get_token());
      if (!answer || answer->status < 300 || answer->status > 399) return std::nullopt;
      return std::string(answer->field("Location"));
    };
    const std::string& whole = instructions_->secrets.git_url;
    if (!whole.empty()) fetch.source.url = whole;
    return fetch_git_source(fetch, log, work_stop_.get_token());
  }
  ContextFetch context{std::get<ContextSource>(source),
                       url("context"),
                       instructions_->token,
                       folder_ / "source",
                       folder_ / "scratch",
                       options_.patience,
                       {}};
  return fetch_context(context, link_, log, work_stop_.get_token());
}

Step<std::vector<BuiltImage>> WorkerRun::build(const FetchedSource& source) {
  const BuildLog log = masked_log();
  const BuildJob job{*instructions_, source, folder_ / "builder",
                     source.created.empty() ? to_rfc3339(link_.clock().now()) : source.created,
                     &usage_,
                     link_.clock().now() +
                         (limited_by_time() ? instructions_->timeout : longest_build),
                     folder_ == root_ ? 0 : options_.disk};
  auto images = builder_.build(job, log, work_stop_.get_token());
  flush_log();
  return images;
}

Step<Digest> WorkerRun::push(const std::vector<BuiltImage>& images) {
  PushTarget target;
  target.registry = instructions_->registry;
  target.secure = instructions_->registry_secure;
  target.repository = instructions_->build.request.repository.str();
  target.token = instructions_->token;
  target.patience = options_.patience;
  return push_images(images, target, link_, masked_log(), work_stop_.get_token());
}

BuildFailure WorkerRun::timeout_failure() const {
  return {FailureClass::timeout, "build_timeout",
          "the build took longer than " + format_duration(instructions_->timeout), std::nullopt};
}

BuildFailure WorkerRun::disk_failure() const {
  return user_failure("out_of_disk", "the build may have " + std::to_string(options_.disk >> 20U) +
                                         " MiB on the disk, its source and its layers included");
}

Step<Digest> WorkerRun::with_own_limits(Step<Digest> result) const {
  const auto* failure = std::get_if<BuildFailure>(&result);
  if (failure == nullptr || failure->reason != "no_space" || folder_ == root_ ||
      is_full(root_.parent_path()))
    return result;
  BuildFailure own = disk_failure();
  own.message = failure->message + "; " + own.message;
  return own;
}

bool WorkerRun::beyond_watched_disk() const {
  return disk_watched_ && disk_usage(folder_) > options_.disk;
}

Result<WorkerOutcome> WorkerRun::report(const Step<Digest>& result, const std::stop_token& stop) {
  if (over_stop_.stop_requested()) return WorkerOutcome::stopped;
  FinishCall call;
  if (const auto* digest = std::get_if<Digest>(&result)) call.digest = *digest;
  if (const auto* failure = std::get_if<BuildFailure>(&result)) call.failure = *failure;
  if (std::holds_alternative<Stopped>(result)) {
    if (!timed_out_ && !disk_exceeded_) {
      // Asked to go, by a drained node for example: another attempt need not wait for silence.
      call.failure = infrastructure_failure("worker_stopped", "the worker was told to stop");
      finish_once(call);
      return WorkerOutcome::stopped;
    }
    call.failure = disk_exceeded_ ? disk_failure() : timeout_failure();
  }
  if (usage_ != ResourceUsage()) call.usage = usage_;
  if (call.failure) call.failure->message = mask_.masked(call.failure->message);
  flush_log();
  if (call.failure) sender_->note("Failed: " + call.failure->message);
  sender_->flush(stop);
  if (!stop.stop_requested()) return finish(call);
  finish_once(call);
  return WorkerOutcome::stopped;
}

void WorkerRun::finish_once(const FinishCall& call) {
  OutgoingRequest request = post("finish", to_json(call));
  request.timeout = last_word_timeout;
  if (auto sent = link_.send_once(request, over_stop_.get_token()); !sent)
    log_.warning("end not reported", {{"error", sent.error().message}});
}

Result<WorkerOutcome> WorkerRun::finish(const FinishCall& call) {
  const auto send = [this](const FinishCall& what) {
    return link_.send([&] { return post("finish", to_json(what)); }, options_.patience,
                      over_stop_.get_token());
  };
  auto answered = send(call);
  if (over_stop_.stop_requested()) return WorkerOutcome::stopped;
  SLIPWAY_TRY(const IncomingResponse response, std::move(answered));
  if (response.status == 200) return call.digest ? WorkerOutcome::succeeded : WorkerOutcome::failed;
  if (call.digest && response.status != 409) {
    // The server does not find what it took: that is no fault of the build.
    const FinishCall instead{
        std::nullopt,
        infrastructure_failure("result_refused", refused("finish", response).message)};
    const auto second = send(instead);
    if (second && second->status == 200) return WorkerOutcome::failed;
  }
  return WorkerOutcome::stopped;
}

void WorkerRun::attempt_is_over() {
  over_stop_.request_stop();
  work_stop_.request_stop();
}

bool WorkerRun::limited_by_time() const noexcept { return instructions_->timeout.count() > 0; }

void WorkerRun::heartbeat(const std::stop_token& stop) {
  const auto interval =
      std::max<std::chrono::nanoseconds>(instructions_->heartbeat_interval, milliseconds(100));
  while (true) {
    const MonotonicTime next = link_.clock().monotonic() + interval;
    const bool limited = limited_by_time() && !timed_out_;
    if (!link_.wait_until(limited ? std::min(next, deadline_) : next, stop)) return;
    if (limited && link_.clock().monotonic() >= deadline_) {
      timed_out_ = true;
      work_stop_.request_stop();
    }
    if (!disk_exceeded_ && beyond_watched_disk()) {
      disk_exceeded_ = true;
      work_stop_.request_stop();
    }
    const auto response = link_.send_once(post("heartbeat", "{}"), stop);
    if (response && means_over(response->status)) {
      log_.info("attempt is over", {{"build", instructions_->build.id}});
      attempt_is_over();
      return;
    }
  }
}

}  // namespace slipway
