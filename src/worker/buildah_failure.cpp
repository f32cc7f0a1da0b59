#include "worker/buildah_failure.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace slipway {
namespace {

constexpr std::size_t most_error_bytes = std::size_t{16} * 1024;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [text](std::string_view part) { return contains(text, part); });
}

std::size_t number_in_front(std::string_view text) {
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string shortened(std::string_view text, std::size_t most = 500) {
  std::string out(text.substr(0, most));
  if (text.size() > most) out += "...";
  return out;
}

/// buildah prints a whole Go structure behind what matters.
std::string_view without_structure(std::string_view text) {
  return text.substr(0, text.find(" &imagebuilder.Step{"));
}

/// What stands in the error behind `building at STEP "..."`: what went wrong in that step.
struct StepError {
  std::string step;         // "RUN make"
  std::string_view before;  // what buildah found worse than the step's failure
  std::string_view cause;
};
std::optional<StepError> step_error(std::string_view error) {
  constexpr std::string_view mark = "building at STEP \"";
  const std::size_t begin = error.rfind(mark);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view rest = error.substr(begin + mark.size());
  const std::size_t end = rest.rfind("\": ");
  if (end == std::string_view::npos) return std::nullopt;
  // The cause has quotes and colons of its own; the step ends at the first of these, unless the
  // step has them too, and then its exit status is at the very end.
  const std::size_t first = rest.find("\": ");
  const std::size_t cut = contains(rest.substr(end), "exit status ") ? end : first;
  return StepError{std::string(rest.substr(0, cut)), error.substr(0, begin), rest.substr(cut + 3)};
}

std::size_t line_of_step(const BuildahOutput& output,
                         const std::vector<DockerfileInstruction>& dockerfile) {
  for (const DockerfileInstruction& instruction : dockerfile)
    if (instruction.stage == output.stage() && instruction.step == output.step() &&
        output.instruction().starts_with(instruction.keyword))
      return instruction.line;
  return 0;
}

/// Where a text stands that buildah did not find to be an instruction.
std::size_t line_of_keyword(std::string_view error,
                            const std::vector<DockerfileInstruction>& dockerfile) {
  const std::size_t quote = error.find('"', error.find("nknown instruction"));
  if (quote == std::string_view::npos) return 0;
  const std::string_view rest = error.substr(quote + 1);
  const std::string_view keyword = rest.substr(0, rest.find('"'));
  for (const DockerfileInstruction& instruction : dockerfile)
    if (instruction.keyword == keyword) return instruction.line;
  return 0;
}

std::string_view class_of_transport(std::string_view error) {
  if (contains_any(error, {"no such host", "connection refused", "connection reset", "i/o timeout",
                           "TLS handshake", "no route to host", "network is unreachable",
                           "unexpected HTTP status: 5", "toomanyrequests", "Too Many Requests",
                           "unexpected EOF", "certificate", "Service Unavailable", "Bad Gateway",
                           "Gateway Timeout", "context deadline exceeded"}))
    return "registry_unreachable";
  return {};
}

BuildFailure base_image_failure(std::string_view error) {
  const std::string message = "base image: " + shortened(error);
  if (contains_any(error, {"manifest unknown", "name unknown", "not found", "did not resolve",
                           "no image found", "invalid reference format"}))
    return {FailureClass::user, "base_image_not_found", message, std::nullopt};
  if (!class_of_transport(error).empty())
    return {FailureClass::infrastructure, "registry_unreachable", message, std::nullopt};
  if (contains_any(error, {"unauthorized", "denied", "authentication required", "forbidden"}))
    return {FailureClass::user, "base_image_denied", message, std::nullopt};
  return {FailureClass::infrastructure, "builder_failed", message, std::nullopt};
}

BuildFailure step_failure(const StepError& step) {
  const std::string what = shortened(step.step, 200);
  const std::string message = what + ": " + shortened(without_structure(step.cause));
  constexpr std::string_view status_mark = "exit status ";
  const std::string_view keyword = std::string_view(step.step).substr(0, step.step.find(' '));

  if (contains(step.cause, "nknown instruction"))
    return {FailureClass::user, "dockerfile_invalid",
            shortened(without_structure(step.cause.substr(step.cause.find("nknown") - 1))),
            std::nullopt};
  if (keyword == "RUN") {
    const std::size_t at = step.cause.rfind(status_mark);
    if (at != std::string_view::npos) {
      const int status =
          static_cast<int>(number_in_front(step.cause.substr(at + status_mark.size())));
      return {FailureClass::user, "step_failed", what + ": exit status " + std::to_string(status),
              status};
    }
    return {FailureClass::user, "step_failed", message, std::nullopt};
  }
  if (keyword == "COPY" || keyword == "ADD") {
    if (contains_any(step.cause, {"no such file or directory", "no items matching",
                                  "no files found", "file not found"}))
      return {FailureClass::user, "copy_source_missing", message, std::nullopt};
    if (contains(step.cause, "reading \"http"))
      return {FailureClass::user, "download_failed", message, std::nullopt};
  }
  return {FailureClass::user, "dockerfile_invalid", message, std::nullopt};
}

BuildFailure failure_of(const BuildahOutput& output, const ProcessEnd& end) {
  const std::string_view error = output.error();
  if (end.cause == ProcessEnd::Cause::signalled)
    return {FailureClass::infrastructure, "builder_failed", "buildah was " + end.describe(),
            std::nullopt};
  if (error.empty())
    return {FailureClass::infrastructure, "builder_failed", "buildah ended with " + end.describe(),
            std::nullopt};
  // buildah starts itself anew for each RUN, from a sealed copy of its program that the kernel now and
  // then calls busy. A RUN that prints this is followed by a line on how it ended.
  if (output.before_error().starts_with("Close_Fd sealing memfd copy"))
    return {FailureClass::infrastructure, "builder_failed", output.before_error(), std::nullopt};
  const auto no_space = [](std::string_view text) {
    return contains_any(text, {"no space left on device", "disk quota exceeded"});
  };
  // The text of a step is the user's and decides nothing. A RUN that filled the disk fails as a
  // step, but buildah then cannot write either and says so in front.
  if (const auto step = step_error(error)) {
    if (no_space(step->before) || no_space(step->cause))
      return {FailureClass::infrastructure, "no_space", shortened(error), std::nullopt};
    return step_failure(*step);
  }
  if (no_space(error))
    return {FailureClass::infrastructure, "no_space", shortened(error), std::nullopt};
  if (contains(error, "creating build container") || contains(error, "initializing source docker"))
    return base_image_failure(error);
  if (contains(error, "no stage or image found with that name"))
    return {FailureClass::user, "base_image_not_found", shortened(error), std::nullopt};
  if (contains(error, "was not found in the provided Dockerfile"))
    return {FailureClass::user, "target_not_found", shortened(error), std::nullopt};
  if (contains_any(
          error, {"parsing main Dockerfile", "no FROM statement", "FROM requires", "no contents in",
                  "parse error", "nknown instruction", "nknown flag", "requires at least",
                  "requires exactly", "requires either", "invalid syntax", "must be of the form",
                  "unterminated", "invalid reference format"}))
    return {FailureClass::user, "dockerfile_invalid", shortened(without_structure(error)),
            std::nullopt};
  if (!class_of_transport(error).empty())
    return {FailureClass::infrastructure, "registry_unreachable", shortened(error), std::nullopt};
  return {FailureClass::infrastructure, "builder_failed", shortened(error), std::nullopt};
}

}  // namespace

void BuildahOutput::take(std::string_view line) {
  constexpr std::string_view error_mark = "Error: ";
  if (line.starts_with(error_mark)) {
    error_ = line.substr(error_mark.size());
    before_error_ = last_line_;
    return;
  }
  last_line_ = line.substr(0, most_error_bytes);
  // An error of several lines goes on until the end.
  if (!error_.empty() && error_.size() < most_error_bytes) error_.append(1, '\n').append(line);

  std::size_t stage = 1;
  std::string_view rest = line;
  if (rest.starts_with('[')) {
    stage = number_in_front(rest.substr(1));
    const std::size_t close = rest.find("] ");
    if (close == std::string_view::npos) return;
    rest.remove_prefix(close + 2);
  }
  constexpr std::string_view step_mark = "STEP ";
  if (!rest.starts_with(step_mark)) return;
  const std::size_t colon = rest.find(": ");
  if (colon == std::string_view::npos) return;
  stage_ = stage;
  step_ = number_in_front(rest.substr(step_mark.size()));
  instruction_ = rest.substr(colon + 2);
  error_.clear();
}

BuildahFailure classify_buildah_failure(const BuildahOutput& output, const ProcessEnd& end,
                                        const std::vector<DockerfileInstruction>& dockerfile,
                                        const Shortages& shortages) {
  BuildahFailure classified{failure_of(output, end), 0};
  BuildFailure& failure = classified.failure;
  const bool killed_builder = end.cause == ProcessEnd::Cause::signalled;
  if (shortages.disk && failure.reason == "step_failed")
    failure = {FailureClass::infrastructure, "no_space",
               failure.message + "; the worker's disk is full", std::nullopt};
  else if (shortages.memory_limit > 0 &&
           (failure.reason == "step_failed" || failure.reason == "builder_failed"))
    failure = {FailureClass::user, "out_of_memory",
               failure.message + "; the build may have " + std::to_string(shortages.memory_limit >> 20U) +
                   " MiB of memory, and a process that wanted more was killed",
               std::nullopt};
  else if (shortages.memory && (failure.reason == "step_failed" || killed_builder))
    failure = {FailureClass::infrastructure, "out_of_memory",
               failure.message + "; the machine ran out of memory and killed a process",
               std::nullopt};
  if (failure.failure_class != FailureClass::user) return classified;
  classified.line = line_of_keyword(output.error(), dockerfile);
  if (classified.line == 0) classified.line = line_of_step(output, dockerfile);
  if (classified.line != 0 && failure.reason != "step_failed")
    failure.message = "line " + std::to_string(classified.line) + ": " + failure.message;
  return classified;
}

}  // namespace slipway
