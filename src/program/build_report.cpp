#include "program/build_report.hpp"

#include <algorithm>
#include <array>

#include "program/table.hpp"
#include "support/format.hpp"
#include "support/readable_duration.hpp"

namespace slipway {
namespace {

using std::chrono::milliseconds;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

std::string source_of(const Build& build) {
  const auto* git = std::get_if<GitSource>(&build.request.source);
  if (git == nullptr) return "uploaded context";
  const std::string commit = build.request.commit ? build.request.commit->id : git->commit;
  if (!commit.empty()) return slipway::format("{} {}", git->url, commit.substr(0, 7));
  return slipway::format("{} {}", git->url, git->ref);
}

std::string took(const BuildTimes& times) {
  if (!times.queued || !times.finished) return "";
  return readable_duration(*times.finished - *times.queued);
}

void add_line(std::string& text, std::string_view name, std::string_view value) {
  if (!value.empty()) text += slipway::format("{:<11} {}\n", name, on_one_line(value));
}

std::string failure_line(const BuildFailure& failure) {
  return slipway::format("{} ({}): {}", failure.reason, to_string(failure.failure_class),
                         failure.message);
}

std::string image_of(const Build& build, std::string_view url) {
  const std::size_t mark = url.find("://");
  const std::string_view host = mark == std::string_view::npos ? url : url.substr(mark + 3);
  return slipway::format("{}/{}", host, build.request.repository.str());
}

}  // namespace

std::string build_table(const std::vector<Build>& builds) {
  Table table{"ID", "REPOSITORY", "STATE", "QUEUED", "TOOK", "SOURCE"};
  for (const Build& build : builds)
    table.add({build.id, build.request.repository.str(), std::string(to_string(build.state)),
               build.times.queued ? to_rfc3339(*build.times.queued) : "", took(build.times),
               source_of(build)});
  return table.text();
}

std::string waterfall(const BuildTimes& times) {
  struct Step {
    std::string_view name;
    std::optional<Timestamp> begin;
    std::optional<Timestamp> end;
  };
  const std::array steps{Step{"waiting", times.queued, times.leased},
                         Step{"starting", times.leased, times.registered},
                         Step{"fetching", times.registered, times.fetched},
                         Step{"building", times.fetched, times.built},
                         Step{"pushing", times.built, times.pushed},
                         Step{"finishing", times.pushed, times.finished}};
  if (!times.queued || !times.finished || *times.finished <= *times.queued) return "";
  constexpr std::int64_t columns = 40;
  const std::int64_t whole = (*times.finished - *times.queued).count();
  const auto column = [&](Timestamp at) {
    return std::clamp((at - *times.queued).count() * columns / whole, std::int64_t{0}, columns);
  };
  std::string text;
  for (const Step& step : steps) {
    if (!step.begin) break;
    const Timestamp end = step.end.value_or(*times.finished);  // a build may end within any step
    const std::int64_t from = column(*step.begin);
    const auto indent = static_cast<std::size_t>(std::min(from, columns - 1));
    const auto length = static_cast<std::size_t>(std::max(column(end) - from, std::int64_t{1}));
    text += slipway::format("  {:<10} {:>12}  |{}{}\n", step.name,
                            readable_duration(end - *step.begin), std::string(indent, ' '),
                            std::string(length, '='));
    if (!step.end) break;
  }
  return text;
}

std::string build_details(const Build& build, std::string_view waits) {
  std::string text;
  add_line(text, "build", build.id);
  add_line(text, "repository", build.request.repository.str());
  std::string state(to_string(build.state));
  if (build.phase) state.append(", ").append(to_string(*build.phase));
  if (!build.cancel_reason.empty()) state.append(", ").append(build.cancel_reason);
  add_line(text, "state", state);
  add_line(text, "waits", waits);
  if (build.failure) add_line(text, "failure", failure_line(*build.failure));
  add_line(text, "superseded", build.superseded_by);
  add_line(text, "source", source_of(build));
  if (build.request.commit) {
    const CommitInfo& commit = *build.request.commit;
    add_line(text, "commit", slipway::format("{} {}", commit.id, commit.message));
    if (commit.author)
      add_line(text, "author",
               slipway::format("{} <{}>", commit.author->name, commit.author->email));
  }
  add_line(text, "tags", joined(build.request.tags));
  if (build.digest) add_line(text, "digest", build.digest->to_string());
  for (const BuildAttempt& attempt : build.attempts)
    add_line(text, slipway::format("attempt {}", attempt.number),
             slipway::format("{} on {}{}{}",
                             attempt.outcome ? to_string(*attempt.outcome) : "running",
                             attempt.backend, attempt.reason.empty() ? "" : ": ", attempt.reason));
  add_line(text, "took", took(build.times));
  return text + waterfall(build.times);
}

std::string build_outcome(const Build& build, std::string_view url) {
  std::string text = slipway::format("\nbuild {} {}", build.id, to_string(build.state));
  if (const std::string time = took(build.times); !time.empty()) text += " after " + time;
  text += "\n";
  if (build.failure) text += on_one_line(failure_line(*build.failure)) + "\n";
  if (build.digest) text += slipway::format("digest {}\n", build.digest->to_string());
  text += waterfall(build.times);
  if (!build.digest) return text;
  const std::string image = image_of(build, url);
  text += slipway::format(
      "pull it: skopeo copy {}--src-creds me:$SLIPWAY_TOKEN docker://{}@{} dir:image\n",
      url.starts_with("http://") ? "--src-tls-verify=false " : "", image,
      build.digest->to_string());
  return text;
}

}  // namespace slipway
