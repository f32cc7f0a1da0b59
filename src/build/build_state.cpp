#include <slipway/build/build_state.hpp>

#include <utility>

namespace slipway {

namespace {

template <class Value, std::size_t Size>
using Names = std::array<std::pair<Value, std::string_view>, Size>;

constexpr Names<BuildState, 6> state_names{{{BuildState::queued, "queued"},
                                            {BuildState::starting, "starting"},
                                            {BuildState::running, "running"},
                                            {BuildState::succeeded, "succeeded"},
                                            {BuildState::failed, "failed"},
                                            {BuildState::cancelled, "cancelled"}}};

constexpr Names<BuildPhase, 3> phase_names{{{BuildPhase::fetching, "fetching"},
                                            {BuildPhase::building, "building"},
                                            {BuildPhase::pushing, "pushing"}}};

constexpr Names<FailureClass, 3> class_names{{{FailureClass::user, "user"},
                                              {FailureClass::infrastructure, "infrastructure"},
                                              {FailureClass::timeout, "timeout"}}};

constexpr Names<AttemptOutcome, 7> outcome_names{
    {{AttemptOutcome::succeeded, "succeeded"},
     {AttemptOutcome::user, "user"},
     {AttemptOutcome::infrastructure, "infrastructure"},
     {AttemptOutcome::timeout, "timeout"},
     {AttemptOutcome::cancelled, "cancelled"},
     {AttemptOutcome::lost, "lost"},
     {AttemptOutcome::no_room, "no_room"}}};

constexpr Names<BuildEvent, 9> event_names{{{BuildEvent::leased, "leased"},
                                            {BuildEvent::no_room, "no_room"},
                                            {BuildEvent::registered, "registered"},
                                            {BuildEvent::succeeded, "succeeded"},
                                            {BuildEvent::failed_user, "failed_user"},
                                            {BuildEvent::failed_timeout, "failed_timeout"},
                                            {BuildEvent::interrupted, "interrupted"},
                                            {BuildEvent::exhausted, "exhausted"},
                                            {BuildEvent::cancelled, "cancelled"}}};

template <class Value, std::size_t Size>
std::string_view name_of(const Names<Value, Size>& names, Value value) noexcept {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  return {};
}

template <class Value, std::size_t Size>
std::optional<Value> value_of(const Names<Value, Size>& names, std::string_view text) noexcept {
  for (const auto& [value, name] : names)
    if (name == text) return value;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(BuildState state) noexcept {
  return name_of(state_names, state);
}
std::string_view to_string(BuildPhase phase) noexcept {
  return name_of(phase_names, phase);
}
std::string_view to_string(FailureClass failure_class) noexcept {
  return name_of(class_names, failure_class);
}
std::string_view to_string(AttemptOutcome outcome) noexcept {
  return name_of(outcome_names, outcome);
}
std::string_view to_string(BuildEvent event) noexcept {
  return name_of(event_names, event);
}

std::optional<BuildState> parse_build_state(std::string_view text) noexcept {
  return value_of(state_names, text);
}
std::optional<BuildPhase> parse_build_phase(std::string_view text) noexcept {
  return value_of(phase_names, text);
}
std::optional<FailureClass> parse_failure_class(std::string_view text) noexcept {
  return value_of(class_names, text);
}
std::optional<AttemptOutcome> parse_attempt_outcome(std::string_view text) noexcept {
  return value_of(outcome_names, text);
}

}  // namespace slipway
