#include <algorithm>
#include <array>
#include <utility>

#include <slipway/core/quantity.hpp>
#include <slipway/support/hasher.hpp>

#include "build/attempt_row.hpp"
#include "build/build_rows.hpp"
#include "build/build_secrets.hpp"
#include "build/durable_build_queue.hpp"
#include "build/registration_token.hpp"
#include "build/transitions.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

constexpr std::size_t longest_reason = 64;
constexpr std::size_t longest_message = 4096;

/// A build that takes its machine down each time shall not do so for ever.
constexpr unsigned most_free_losses = 3;

/// Errors: invalid_argument.
Result<void> check_nonce(std::string_view nonce) {
  const bool printable =
      std::all_of(nonce.begin(), nonce.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (nonce.size() >= 16 && nonce.size() <= 128 && printable) return {};
  return Error(ErrorCode::invalid_argument, "nonce: expected 16 to 128 printable characters");
}

/// From 0 to 1.
double random_fraction() {
  std::array<std::uint8_t, 2> bytes{};
  fill_random(bytes);
  return static_cast<double>(bytes[0] * 256 + bytes[1]) / 65535.0;
}

std::string ending_line(const Build& build, const BuildFailure& failure,
                        std::chrono::milliseconds delay) {
  const std::string& what = failure.message.empty() ? failure.reason : failure.message;
  if (build.state == BuildState::queued)
    return slipway::format("slipway: attempt {} ended: {}; trying again in {}",
                           build.attempts.back().number, what, format_duration(delay));
  return slipway::format("slipway: failed: {}", what);
}

/// May this token register? Errors: unauthenticated, conflict.
Result<void> check_token(const std::optional<AttemptRow>& attempt,
                         const RegistrationTokenParts& parts, const Build& build,
                         std::string_view token, std::string_view nonce) {
  const std::uint64_t latest_epoch = build.epoch;
  const bool begun = build.phase.has_value();  // its worker has had the answer
  if (!attempt || attempt->epoch != parts.epoch) {
    if (parts.epoch <= latest_epoch)
      return Error(
          ErrorCode::conflict,
          slipway::format("build {}: the attempt that this token was for is over", parts.build));
    return Error(ErrorCode::unauthenticated, "the registration token is unknown");
  }
  if (!equal_in_constant_time(attempt->token_hash, hash_of_token(token)))
    return Error(ErrorCode::unauthenticated, "the registration token is unknown");
  if (attempt->registered() && (begun || !equal_in_constant_time(attempt->nonce, nonce)))
    return Error(ErrorCode::conflict,
                 slipway::format("build {}: {} has used this token", parts.build,
                                 begun ? "its worker" : "another worker"));
  return {};
}

}  // namespace

Result<Registration> DurableBuildQueue::register_worker(std::string_view registration_token,
                                                        std::string_view nonce) {
  SLIPWAY_CHECK(check_nonce(nonce));
  const auto parts = parse_registration_token(registration_token);
  if (!parts) return Error(ErrorCode::unauthenticated, "the registration token is malformed");

  BuildSecrets secrets;
  auto registered =
      change(parts->build, [&](WriteTransaction& transaction, Build& build) -> Result<void> {
        SLIPWAY_TRY(auto attempt, read_attempt(transaction, build.id));
        SLIPWAY_CHECK(check_token(attempt, *parts, build, registration_token, nonce));
        SLIPWAY_TRY(secrets, read_secrets(transaction, metadata_.sealer(), build));
        if (attempt->registered()) return {};  // the same worker again: its answer was lost
        SLIPWAY_CHECK(register_attempt(build, clock_.now()));
        attempt->nonce = nonce;
        SLIPWAY_CHECK(write_attempt(transaction, build.id, *attempt));
        const BuildAttempt& latest = build.attempts.back();
        if (latest.number == 1) return {};
        SLIPWAY_CHECK(logs_.append_line(
            transaction, build.id,
            slipway::format("slipway: attempt {} starts on {}", latest.number, latest.backend)));
        return {};
      });
  if (!registered && registered.error().code == ErrorCode::not_found)
    return Error(ErrorCode::unauthenticated, "the registration token is unknown");
  if (!registered) return registered.error();
  note_heard({parts->build, parts->epoch});

  SLIPWAY_TRY(const std::uint64_t log_size, logs_.size(parts->build));
  Registration registration{std::move(*registered), tokens_->issue(parts->build, parts->epoch),
                            log_size, options_.default_timeout, std::move(secrets)};
  if (const auto timeout = registration.build.request.timeout) registration.timeout = *timeout;
  return registration;
}

Result<void> DurableBuildQueue::heartbeat(const WorkerCredential& attempt) {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_CHECK(check_attempt(*view, attempt.build, attempt.epoch));
  note_heard(attempt);
  return {};
}

std::optional<MonotonicTime> DurableBuildQueue::last_heard(const WorkerCredential& attempt) {
  const std::lock_guard lock(heard_mutex_);
  const auto found = heard_.find({attempt.build, attempt.epoch});
  if (found == heard_.end()) return std::nullopt;
  return found->second.at;
}

void DurableBuildQueue::note_heard(const WorkerCredential& attempt) {
  const MonotonicTime now = clock_.monotonic();
  const std::lock_guard lock(heard_mutex_);
  heard_[{attempt.build, attempt.epoch}].at = now;
}

void DurableBuildQueue::note_output(const WorkerCredential& attempt) {
  const MonotonicTime now = clock_.monotonic();
  const std::lock_guard lock(heard_mutex_);
  heard_[{attempt.build, attempt.epoch}] = {now, now};
}

std::optional<MonotonicTime> DurableBuildQueue::last_output(const WorkerCredential& attempt) {
  const std::lock_guard lock(heard_mutex_);
  const auto found = heard_.find({attempt.build, attempt.epoch});
  if (found == heard_.end()) return std::nullopt;
  return found->second.output;
}

Result<void> DurableBuildQueue::begin_phase(const WorkerCredential& attempt, BuildPhase phase,
                                            std::string_view commit) {
  SLIPWAY_CHECK(change(attempt, [&](WriteTransaction&, Build& build) {
    return enter_phase(build, phase, commit, clock_.now());
  }));
  note_heard(attempt);
  return {};
}

Result<Build> DurableBuildQueue::succeed(const WorkerCredential& attempt, const Digest& digest,
                                         const std::optional<ResourceUsage>& usage) {
  return change(attempt, [&](WriteTransaction& transaction, Build& build) -> Result<void> {
    SLIPWAY_CHECK(succeed_build(build, digest, clock_.now()));
    build.attempts.back().usage = usage;
    for (const std::string& name : build.request.tags) {
      SLIPWAY_TRY(const Tag tag, Tag::parse(name));
      SLIPWAY_CHECK(registry_.put_tag(transaction, build.request.repository, tag, digest));
    }
    SLIPWAY_CHECK(logs_.append_line(transaction, build.id,
                                    slipway::format("slipway: succeeded: {}", digest.to_string())));
    return {};
  });
}

Result<Build> DurableBuildQueue::fail(const WorkerCredential& attempt, const BuildFailure& failure,
                                      const std::optional<ResourceUsage>& usage) {
  BuildFailure told = failure;
  told.reason.resize(std::min(told.reason.size(), longest_reason));
  told.message.resize(std::min(told.message.size(), longest_message));
  const AttemptOutcome outcome =
      parse_attempt_outcome(to_string(failure.failure_class)).value_or(AttemptOutcome::user);
  return end_by_failure(attempt, told, outcome, usage);
}

Result<Build> DurableBuildQueue::end_by_failure(const WorkerCredential& attempt,
                                                const BuildFailure& failure,
                                                AttemptOutcome outcome,
                                                const std::optional<ResourceUsage>& usage) {
  const double jitter = options_.jitter ? options_.jitter() : random_fraction();
  return change(attempt, [&](WriteTransaction& transaction, Build& build) -> Result<void> {
    const auto delay = retry_delay(build.failed_attempts + 1, jitter, options_);
    RetryTerms terms{options_.max_failed_attempts, delay};
    terms.costs_try = failure.reason != lost_with_server_reason ||
                      losses_with_server(build) >= most_free_losses;
    SLIPWAY_CHECK(fail_build(build, failure, outcome, terms, clock_.now()));
    build.attempts.back().usage = usage;
    SLIPWAY_CHECK(logs_.append_line(transaction, build.id, ending_line(build, failure, delay)));
    return {};
  });
}

WriteGuard DurableBuildQueue::guard(const WorkerCredential& attempt) {
  return guard_of_attempt(attempt.build, attempt.epoch);
}

}  // namespace slipway
