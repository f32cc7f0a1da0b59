#include <utility>

#include <slipway/support/hasher.hpp>

#include "build/attempt_row.hpp"
#include "build/build_rows.hpp"
#include "build/durable_build_queue.hpp"
#include "build/registration_token.hpp"
#include "build/transitions.hpp"
#include "support/format.hpp"

namespace slipway {

Result<QueueSummary> DurableBuildQueue::summary() {
  SLIPWAY_TRY(QueueSummary summary, summary_.read());
  const Timestamp now = clock_.now();
  std::vector<std::string> ripe;
  for (const auto& [name, tenant] : summary.tenants)
    if (tenant.next_ready && *tenant.next_ready <= now) ripe.push_back(name);
  if (!ripe.empty()) {
    SLIPWAY_CHECK(promote(ripe, now));
    SLIPWAY_TRY(summary, summary_.read());
  }
  for (auto& [name, tenant] : summary.tenants)
    if (tenant.head) tenant.next_ready.reset();
  return summary;
}

Result<void> DurableBuildQueue::promote(const std::vector<std::string>& tenants, Timestamp now) {
  constexpr std::size_t most = 500;
  LiveSummary::Change counted(summary_);
  return metadata_.write([&](WriteTransaction& transaction) -> Result<void> {
    std::size_t left = most;
    for (const std::string& tenant : tenants) {
      SLIPWAY_TRY(const auto ids, ripe_builds(transaction, tenant, now, left));
      left -= ids.size();
      for (const std::string& id : ids)
        SLIPWAY_CHECK(change_within(transaction, counted, id, [](WriteTransaction&, Build& build) {
          return end_backoff(build);
        }));
    }
    return {};
  });
}

Result<BuildLease> DurableBuildQueue::lease(std::string_view id, std::string_view backend) {
  const std::string secret = random_hex(registration_secret_bytes);
  std::string token;
  SLIPWAY_TRY(Build build,
              change(id, [&](WriteTransaction& transaction, Build& leased) -> Result<void> {
                SLIPWAY_CHECK(lease_build(leased, backend, clock_.now()));
                token = make_registration_token(leased.id, leased.epoch, secret);
                AttemptRow row;
                row.epoch = leased.epoch;
                row.token_hash = hash_of_token(token);
                row.repository = leased.request.repository.str();
                return write_attempt(transaction, leased.id, row);
              }));
  return BuildLease{std::move(build), std::move(token)};
}

Result<void> DurableBuildQueue::started(const WorkerCredential& attempt) {
  SLIPWAY_CHECK(change(
      attempt, [&](WriteTransaction&, Build& build) { return note_started(build, clock_.now()); }));
  return {};
}

Result<void> DurableBuildQueue::no_room(const WorkerCredential& attempt) {
  SLIPWAY_CHECK(change(
      attempt, [&](WriteTransaction&, Build& build) { return give_back(build, clock_.now()); }));
  return {};
}

Result<Build> DurableBuildQueue::interrupted(const WorkerCredential& attempt,
                                             AttemptOutcome outcome, std::string_view reason,
                                             std::string_view message) {
  if (outcome != AttemptOutcome::lost && outcome != AttemptOutcome::infrastructure)
    return Error(
        ErrorCode::invalid_argument,
        slipway::format("an attempt is not interrupted by the outcome \"{}\"", to_string(outcome)));
  BuildFailure failure;
  failure.reason = reason;
  failure.message = message;
  return end_by_failure(attempt, failure, outcome);
}

Result<Build> DurableBuildQueue::timed_out(const WorkerCredential& attempt) {
  BuildFailure failure;
  failure.failure_class = FailureClass::timeout;
  failure.reason = "timeout";
  failure.message = "the build took longer than it may";
  return end_by_failure(attempt, failure, AttemptOutcome::timeout);
}

Result<std::vector<Build>> DurableBuildQueue::leased_builds() {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  std::vector<Build> builds;
  for (const BuildState state : {BuildState::starting, BuildState::running}) {
    SLIPWAY_TRY(const auto ids, builds_in_state(*view, state));
    for (const std::string& id : ids) {
      SLIPWAY_TRY(Build build, load_build(*view, id));
      builds.push_back(std::move(build));
    }
  }
  return builds;
}

Result<std::vector<AttemptStanding>> DurableBuildQueue::standings(
    std::span<const WorkerCredential> attempts) {
  std::vector<AttemptStanding> standings;
  if (attempts.empty()) return standings;
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  standings.reserve(attempts.size());
  for (const WorkerCredential& attempt : attempts) {
    SLIPWAY_TRY(const auto row, read_attempt(*view, attempt.build));
    if (!row || row->epoch != attempt.epoch)
      standings.push_back(AttemptStanding::over);
    else
      standings.push_back(row->registered() ? AttemptStanding::running : AttemptStanding::starting);
  }
  return standings;
}

}  // namespace slipway
