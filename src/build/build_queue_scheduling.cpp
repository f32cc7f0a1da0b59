#include <algorithm>
#include <utility>

#include <slipway/core/quantity.hpp>
#include <slipway/support/hasher.hpp>

#include "build/attempt_row.hpp"
#include "build/build_rows.hpp"
#include "build/durable_build_queue.hpp"
#include "build/queue_rows.hpp"
#include "build/registration_token.hpp"
#include "build/transitions.hpp"
#include "support/format.hpp"

namespace slipway {

Result<QueueSummary> BuildQueue::summary() {
  QueueSummary summary;
  SLIPWAY_CHECK(refresh(summary));
  return summary;
}

Result<void> DurableBuildQueue::refresh(QueueSummary& known) {
  const Timestamp now = clock_.now();
  SLIPWAY_TRY(const auto ripe, summary_.ripe(now));
  if (!ripe.empty()) SLIPWAY_CHECK(promote(ripe, now));
  return summary_.refresh(known);
}

Result<void> DurableBuildQueue::promote(const std::vector<std::string>& tenants, Timestamp now) {
  constexpr std::size_t most = 500;
  LiveSummary::Change counted(summary_);
  const auto write = [&](WriteTransaction& transaction) -> Result<void> {
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
  };
  return metadata_.write(write);
}

Result<BuildLease> BuildQueue::lease(std::string_view id, std::string_view backend) {
  const LeaseOrder order{std::string(id), std::string(backend)};
  SLIPWAY_TRY(auto leases, lease(std::span(&order, 1)));
  return std::move(leases.front());
}

Result<std::vector<Result<BuildLease>>> DurableBuildQueue::lease(
    std::span<const LeaseOrder> orders) {
  std::vector<std::string> secrets;
  for (std::size_t i = 0; i < orders.size(); ++i)
    secrets.push_back(random_hex(registration_secret_bytes));
  std::vector<Result<BuildLease>> leases;
  std::vector<Changed> changed;
  {
    LiveSummary::Change counted(summary_);
    const auto write = [&](WriteTransaction& transaction) -> Result<void> {
      leases.clear();
      changed.clear();
      for (std::size_t i = 0; i < orders.size(); ++i) {
        auto lease = lease_within(transaction, counted, orders[i], secrets[i], changed);
        if (!lease && lease.error().code != ErrorCode::conflict &&
            lease.error().code != ErrorCode::not_found)
          return lease.error();
        leases.push_back(std::move(lease));
      }
      return {};
    };
    SLIPWAY_CHECK(metadata_.write(write));
  }
  for (const Changed& one : changed) note(one);
  return leases;
}

Result<BuildLease> DurableBuildQueue::lease_within(WriteTransaction& transaction,
                                                   LiveSummary::Change& counted,
                                                   const LeaseOrder& order, std::string_view secret,
                                                   std::vector<Changed>& changed) {
  std::string token;
  const auto take = [&](WriteTransaction& inner, Build& build) -> Result<void> {
    SLIPWAY_CHECK(lease_build(build, order.backend, clock_.now()));
    token = make_registration_token(build.id, build.epoch, secret);
    AttemptRow row;
    row.epoch = build.epoch;
    row.token_hash = hash_of_token(token);
    row.repository = build.request.repository.str();
    return write_attempt(inner, build.id, row);
  };
  SLIPWAY_TRY(Changed leased, change_within(transaction, counted, order.build, take));
  changed.push_back(leased);
  return BuildLease{std::move(leased.after), std::move(token)};
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

Result<Build> DurableBuildQueue::lost_with_server(const WorkerCredential& attempt,
                                                  std::string_view message) {
  return interrupted(attempt, AttemptOutcome::lost, lost_with_server_reason, message);
}

Result<Build> DurableBuildQueue::timed_out(const WorkerCredential& attempt, std::string_view reason,
                                           std::string_view message) {
  BuildFailure failure;
  failure.failure_class = FailureClass::timeout;
  failure.reason = reason;
  failure.message = message;
  return end_by_failure(attempt, failure, AttemptOutcome::timeout);
}

Result<std::optional<Timestamp>> DurableBuildQueue::expire(std::chrono::milliseconds longest) {
  while (true) {
    SLIPWAY_TRY(const Expiring found, find_expired(longest));
    if (found.due.empty()) return found.next;
    SLIPWAY_CHECK(expire_some(found.due, longest));
  }
}

Result<DurableBuildQueue::Expiring> DurableBuildQueue::find_expired(
    std::chrono::milliseconds longest) {
  constexpr std::size_t most = 500;  // in one transaction
  const Timestamp now = clock_.now();
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  Expiring found;
  const auto look = [&](const std::string& id) -> Result<bool> {
    SLIPWAY_TRY(const Build build, load_build(*view, id));
    const Timestamp since = waiting_since(build);
    if (since + longest <= now) {
      found.due.push_back(id);
      return found.due.size() < most;
    }
    found.next = std::min(since + longest, found.next.value_or(since + longest));
    return since != build.times.queued;  // else those that follow were submitted later still
  };
  SLIPWAY_CHECK(each_waiting_build(*view, look));
  return found;
}

Result<void> DurableBuildQueue::expire_some(const std::vector<std::string>& ids,
                                            std::chrono::milliseconds longest) {
  const BuildFailure failure{FailureClass::timeout, "queue_timeout",
                             slipway::format("it did not start within {}", format_duration(longest)),
                             {}};
  const auto expire = [&](WriteTransaction& transaction, Build& build) -> Result<void> {
    const Timestamp now = clock_.now();
    if (build.state != BuildState::queued || waiting_since(build) + longest > now) return {};
    SLIPWAY_CHECK(expire_build(build, failure, now));
    SLIPWAY_CHECK(logs_.append_line(transaction, build.id,
                                    slipway::format("slipway: failed: {}", failure.message)));
    return {};
  };
  return change_all(ids, expire);
}

Result<void> DurableBuildQueue::change_all(const std::vector<std::string>& ids,
                                           const Apply& apply) {
  std::vector<Changed> changed;
  {
    LiveSummary::Change counted(summary_);
    const auto write = [&](WriteTransaction& transaction) -> Result<void> {
      changed.clear();
      for (const std::string& id : ids) {
        SLIPWAY_TRY(Changed one, change_within(transaction, counted, id, apply));
        changed.push_back(std::move(one));
      }
      return {};
    };
    SLIPWAY_CHECK(metadata_.write(write));
  }
  for (const Changed& one : changed) note(one);
  return {};
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
