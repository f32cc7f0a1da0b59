#include <slipway/build/build_queue.hpp>

#include <utility>
#include <variant>

#include <slipway/support/ulid.hpp>

#include "build/attempt_row.hpp"
#include "build/build_followers.hpp"
#include "build/build_json.hpp"
#include "build/build_rows.hpp"
#include "build/build_secrets.hpp"
#include "build/durable_build_queue.hpp"
#include "build/git_url.hpp"
#include "build/older_rows.hpp"
#include "build/queue_rows.hpp"
#include "build/transitions.hpp"
#include "build/trigger_json.hpp"
#include "build/trigger_keys.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

/// The build that a delivery made before; nullopt when it made none. Errors: io, corrupt.
Result<std::optional<Build>> find_repeated(const ReadView& view, const BuildRequest& request) {
  const auto key = delivery_key(request);
  if (!key) return std::optional<Build>();
  SLIPWAY_TRY(const auto row, view.get(*key));
  if (!row) return std::optional<Build>();
  SLIPWAY_TRY(Build build, load_build(view, std::string(*row)));
  return std::optional<Build>(std::move(build));
}

std::string topic_of(std::string_view build) {
  return std::string("build/").append(build);
}

constexpr std::string_view queue_topic = "queue";

}  // namespace

DurableBuildQueue::DurableBuildQueue(MetadataStore& metadata, Registry& registry, Clock& clock,
                                     const BuildQueueOptions& options, Metrics& metrics,
                                     std::unique_ptr<WorkerTokens> tokens)
    : metadata_(metadata),
      registry_(registry),
      clock_(clock),
      options_(options),
      tokens_(std::move(tokens)),
      logs_(metadata),
      metrics_(metrics),
      summary_(metadata) {}

Result<Build> DurableBuildQueue::submit(const BuildRequest& request, const BuildSecrets& secrets,
                                        const AlsoWritten& also) {
  BuildRequest complete = request;
  BuildSecrets sealed = secrets;
  SLIPWAY_CHECK(take_secrets(complete, sealed));
  if (complete.tags.empty()) complete.tags = {"latest"};
  if (!complete.timeout) complete.timeout = options_.default_timeout;
  SLIPWAY_CHECK(check_build_request(complete));
  return insert(complete, sealed, also);
}

Result<Build> DurableBuildQueue::insert(const BuildRequest& request, const BuildSecrets& secrets,
                                        const AlsoWritten& also) {
  const Timestamp now = clock_.now();
  Build build(make_ulid(now), request);
  build.times.queued = now;
  if (const auto earliest = std::exchange(build.request.not_before, std::nullopt);
      earliest && *earliest > now)
    build.not_before = earliest;

  std::optional<Build> repeated;
  std::optional<Changed> superseded;
  LiveSummary::Change counted(summary_);
  const auto write = [&](WriteTransaction& transaction) -> Result<void> {
    superseded.reset();
    SLIPWAY_TRY(repeated, find_repeated(transaction, request));
    if (!repeated)
      SLIPWAY_CHECK(insert_within(transaction, counted, build, secrets, superseded));
    return also ? also(transaction, repeated ? *repeated : build) : Result<void>();
  };
  SLIPWAY_CHECK(metadata_.write(write));
  if (repeated) return std::move(*repeated);
  if (superseded) note(*superseded);
  return build;
}

Result<void> DurableBuildQueue::insert_within(WriteTransaction& transaction,
                                              LiveSummary::Change& counted, const Build& build,
                                              const BuildSecrets& secrets,
                                              std::optional<Changed>& superseded) {
  counted.touch(build.request.repository.str());
  SLIPWAY_CHECK(insert_build(transaction, build));
  SLIPWAY_CHECK(follow_change(transaction, nullptr, build, clock_.now()));
  if (!secrets.empty())
    SLIPWAY_CHECK(write_secrets(transaction, metadata_.sealer(), build.id, secrets));
  if (const auto key = delivery_key(build.request)) SLIPWAY_CHECK(transaction.put(*key, build.id));
  if (const auto key = latest_key(build.request)) {
    SLIPWAY_TRY(const auto row, transaction.get(*key));
    const std::string before(row.value_or(""));
    SLIPWAY_CHECK(transaction.put(*key, build.id));
    if (!before.empty() && build.request.trigger->supersede) {
      SLIPWAY_TRY(superseded,
                  change_within(transaction, counted, before,
                                [&](WriteTransaction& inner, Build& old) -> Result<void> {
                                  if (is_final(old.state)) return {};
                                  return cancel_within(inner, old, "superseded", build.id);
                                }));
    }
  }
  transaction.notify(queue_topic);
  transaction.notify(topic_of(build.id));
  return {};
}

Result<Build> DurableBuildQueue::find(std::string_view id) {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  return load_build(*view, id);
}

Result<BuildPage> DurableBuildQueue::list(const BuildFilter& filter) {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  return list_builds(*view, filter);
}

Result<Build> DurableBuildQueue::cancel(std::string_view id, std::string_view reason) {
  return change(id, [&](WriteTransaction& transaction, Build& build) {
    return cancel_within(transaction, build, reason, "");
  });
}

Result<void> DurableBuildQueue::cancel_within(WriteTransaction& transaction, Build& build,
                                              std::string_view reason, std::string_view successor) {
  SLIPWAY_CHECK(cancel_build(build, reason, successor, clock_.now()));
  SLIPWAY_CHECK(logs_.append_line(transaction, build.id,
                                  slipway::format("slipway: cancelled: {}{}{}", reason,
                                                  successor.empty() ? "" : " by ", successor)));
  return {};
}

Result<Build> DurableBuildQueue::retry(std::string_view id) {
  SLIPWAY_TRY(Build ended, find(id));
  if (!is_final(ended.state))
    return Error(ErrorCode::conflict,
                 slipway::format("build {} is {}: only one that has ended can be retried", id,
                                 to_string(ended.state)));
  SLIPWAY_TRY(const BuildSecrets secrets, secrets_again(ended));
  if (ended.request.trigger) {  // neither a repeat of the delivery nor newer than what came since
    ended.request.trigger->delivery.clear();
    ended.request.trigger->supersede = false;
  }
  return insert(ended.request, secrets);
}

Result<BuildSecrets> DurableBuildQueue::secrets_again(const Build& ended) {
  const BuildRequest& request = ended.request;
  const auto* git = std::get_if<GitSource>(&request.source);
  const bool credentials = git != nullptr && git->credentials;
  BuildSecrets secrets;
  if (request.secrets.empty() && !credentials) return secrets;
  if (request.secrets.empty() && request.trigger) {
    SLIPWAY_TRY(const auto view, metadata_.snapshot());
    const auto trigger = find_trigger(*view, metadata_.sealer(), request.trigger->id);
    if (trigger && without_credentials(trigger->request.git_url) == git->url) {
      secrets.git_url = trigger->request.git_url;
      return secrets;
    }
  }
  return Error(ErrorCode::conflict,
               slipway::format("build {} was given {}, which went when it ended: submit it again",
                               ended.id, credentials ? "a password for git" : "secrets"));
}

Result<std::optional<std::size_t>> DurableBuildQueue::position(std::string_view id,
                                                               std::size_t limit) {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const Build build, load_build(*view, id));
  return queue_position(*view, build, limit);
}

Result<Build> DurableBuildQueue::change(std::string_view id, const Apply& apply) {
  std::optional<Changed> changed;
  {
    LiveSummary::Change counted(summary_);
    const auto write = [&](WriteTransaction& transaction) -> Result<void> {
      SLIPWAY_TRY(changed, change_within(transaction, counted, id, apply));
      return {};
    };
    SLIPWAY_CHECK(metadata_.write(write));
  }
  note(*changed);
  return std::move(changed->after);
}

Result<Build> DurableBuildQueue::change(const WorkerCredential& attempt, const Apply& apply) {
  return change(attempt.build, [&](WriteTransaction& transaction, Build& build) -> Result<void> {
    SLIPWAY_CHECK(check_attempt(transaction, attempt.build, attempt.epoch));
    return apply(transaction, build);
  });
}

Result<DurableBuildQueue::Changed> DurableBuildQueue::change_within(WriteTransaction& transaction,
                                                                    LiveSummary::Change& counted,
                                                                    std::string_view id,
                                                                    const Apply& apply) {
  SLIPWAY_TRY(Build before, load_build(transaction, id));
  Changed changed{before, std::move(before)};
  SLIPWAY_CHECK(apply(transaction, changed.after));
  if (changed.after == changed.before) return changed;
  counted.touch(changed.after.request.repository.str());
  SLIPWAY_CHECK(replace_build(transaction, changed.before, changed.after));
  SLIPWAY_CHECK(follow_change(transaction, &changed.before, changed.after, clock_.now()));
  const BuildState state = changed.after.state;
  if (is_leased(changed.before.state) && !is_leased(state))
    SLIPWAY_CHECK(erase_attempt(transaction, id));
  if (is_final(state)) SLIPWAY_CHECK(erase_secrets(transaction, changed.after));
  transaction.notify(topic_of(id));
  if (state != changed.before.state && state != BuildState::starting)
    transaction.notify(queue_topic);
  return changed;
}

void DurableBuildQueue::note(const Changed& changed) {
  metrics_.note(changed.before, changed.after);
  if (!is_leased(changed.before.state) || is_leased(changed.after.state)) return;
  const std::lock_guard lock(heard_mutex_);
  heard_.erase({changed.before.id, changed.before.epoch});
}

Result<std::unique_ptr<BuildQueue>> open_build_queue(MetadataStore& metadata, Registry& registry,
                                                     Clock& clock, const BuildQueueOptions& options,
                                                     Metrics& metrics) {
  SLIPWAY_TRY(auto tokens, WorkerTokens::open(metadata));
  SLIPWAY_CHECK(renew_queue_rows(metadata));
  SLIPWAY_CHECK(renew_outbox_rows(metadata));
  auto queue = std::make_unique<DurableBuildQueue>(metadata, registry, clock, options, metrics,
                                                   std::move(tokens));
  SLIPWAY_CHECK(queue->open());
  return std::unique_ptr<BuildQueue>(std::move(queue));
}

}  // namespace slipway
