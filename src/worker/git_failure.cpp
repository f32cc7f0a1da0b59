// What git's messages mean. They are those of git 2.30 to 2.47 with LC_ALL=C.

#include <array>
#include <string>
#include <string_view>

#include "worker/git_source.hpp"

namespace slipway {
namespace {

struct Meaning {
  std::string_view text;
  FailureClass failure_class;
  std::string_view reason;
};

// The first that occurs in the output decides, so the more telling ones stand first.
constexpr std::array meanings{
    Meaning{"No space left on device", FailureClass::infrastructure, "no_space"},
    Meaning{"not our ref", FailureClass::user, "commit_not_found"},
    Meaning{"couldn't find remote ref", FailureClass::user, "commit_not_found"},
    Meaning{"unadvertised object", FailureClass::user, "commit_not_found"},
    Meaning{"no such remote ref", FailureClass::user, "commit_not_found"},
    Meaning{"invalid refspec", FailureClass::user, "commit_not_found"},
    Meaning{"not allowed", FailureClass::user, "protocol_not_allowed"},
    Meaning{"terminal prompts disabled", FailureClass::user, "source_denied"},
    Meaning{"Authentication failed", FailureClass::user, "source_denied"},
    Meaning{"Permission denied", FailureClass::user, "source_denied"},
    Meaning{"returned error: 401", FailureClass::user, "source_denied"},
    Meaning{"returned error: 403", FailureClass::user, "source_denied"},
    Meaning{"Host key verification failed", FailureClass::user, "source_denied"},
    Meaning{"Could not resolve host", FailureClass::infrastructure, "source_unreachable"},
    Meaning{"Failed to connect", FailureClass::infrastructure, "source_unreachable"},
    Meaning{"unable to connect", FailureClass::infrastructure, "source_unreachable"},
    Meaning{"Connection refused", FailureClass::infrastructure, "source_unreachable"},
    Meaning{"Connection timed out", FailureClass::infrastructure, "source_unreachable"},
    Meaning{"Connection reset", FailureClass::infrastructure, "source_unreachable"},
    Meaning{"Name or service not known", FailureClass::infrastructure, "source_unreachable"},
    Meaning{"Temporary failure in name resolution", FailureClass::infrastructure,
            "source_unreachable"},
    Meaning{"early EOF", FailureClass::infrastructure, "source_unreachable"},
    Meaning{"returned error: 30", FailureClass::user, "source_redirected"},
    Meaning{"returned error: 404", FailureClass::user, "source_not_found"},
    Meaning{"does not appear to be a git repository", FailureClass::user, "source_not_found"},
    Meaning{"not found", FailureClass::user, "source_not_found"},
    Meaning{"returned error: ", FailureClass::infrastructure, "source_unreachable"},
    Meaning{"unable to access", FailureClass::infrastructure, "source_unreachable"},
};

/// The line that says what was wrong: the first "fatal:", "ERROR:" or "error:" one, without it.
std::string telling_line(std::string_view output) {
  std::string_view last;
  for (std::string_view rest = output; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    for (std::string_view mark : {"fatal: ", "ERROR: ", "error: ", "ssh: "})
      if (line.starts_with(mark))
        return std::string(line.substr(mark == "ssh: " ? 0 : mark.size()));
    if (!line.empty()) last = line;
  }
  return std::string(last);
}

}  // namespace

BuildFailure classify_git_failure(std::string_view output, std::string_view action) {
  BuildFailure failure;
  failure.failure_class = FailureClass::infrastructure;
  failure.reason = "git_failed";
  for (const Meaning& meaning : meanings) {
    if (output.find(meaning.text) == std::string_view::npos) continue;
    failure.failure_class = meaning.failure_class;
    failure.reason = meaning.reason;
    break;
  }
  failure.message = std::string(action).append(": ").append(telling_line(output));
  return failure;
}

}  // namespace slipway
