#include "program/operation_command.hpp"

#include <utility>

#include "program/api_client.hpp"
#include "program/operation_progress.hpp"
#include "program/patience.hpp"
#include "program/progress_line.hpp"

namespace slipway {
namespace {

std::string progress_text(json::Value operation) {
  OperationProgress progress;
  for (const auto& [name, count] : operation.find("progress").members())
    progress.set(name, count.find("done").as_uint64().value_or(0), count.find("total").as_uint64());
  return progress.text(operation.find("kind").text());
}

bool has_ended(json::Value operation) {
  return !operation.find("state").text().empty() && operation.find("state").text() != "running";
}

/// Shows an operation's lines as they come and keeps the last.
class Follower {
 public:
  Follower(const ApiClient& client, std::string path) : client_(client), path_(std::move(path)) {}

  /// The operation as it ended. Errors: as ApiClient::get.
  Result<std::string> follow() {
    Patience patience;
    while (true) {
      const auto streamed =
          client_.get(path_ + "?follow=true",
                      [this](std::span<const std::byte> bytes) -> Result<void> { return take(bytes); });
      if (ended_) break;
      if (!streamed && !worth_another_try(streamed.error())) return streamed.error();
      if (streamed) patience.answered();
      if (!streamed && patience.is_over()) return streamed.error();
      rest_.clear();
      patience.pause();
    }
    return last_;
  }

 private:
  Result<void> take(std::span<const std::byte> bytes) {
    rest_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    while (true) {
      const std::size_t end = rest_.find('\n');
      if (end == std::string::npos) return {};
      last_ = rest_.substr(0, end);
      rest_.erase(0, end + 1);
      SLIPWAY_TRY(const json::Document document, json::Document::parse(last_));
      ended_ = has_ended(document.root());
      if (ended_ || line_.is_due()) line_.show(progress_text(document.root()), ended_);
    }
  }

  const ApiClient& client_;
  const std::string path_;
  ProgressLine line_;
  std::string rest_;  // of a line that has not come to its end
  std::string last_;
  bool ended_ = false;
};

}  // namespace

ExitStatus run_operation(const ClientOptions& client_options, std::string_view kind,
                         std::string_view options, const DescribeOutcome& describe) {
  return with_client(client_options, [&](const ApiClient& client) -> Result<ExitStatus> {
    SLIPWAY_TRY(const std::string started,
                client.post(slipway::format("/api/v1/admin/{}", kind), options));
    SLIPWAY_TRY(const json::Document document, json::Document::parse(started));
    const std::string id(document.root().find("id").text());
    Follower follower(client, "/api/v1/admin/operations/" + path_part(id));
    SLIPWAY_TRY(const std::string last, follower.follow());

    SLIPWAY_TRY(const json::Document ended, json::Document::parse(last));
    const std::string_view state = ended.root().find("state").text();
    const bool succeeded = state == "succeeded";
    const OperationOutcome outcome =
        succeeded ? describe(ended.root().find("result")) : OperationOutcome{};
    if (client_options.json) print(last + "\n");
    if (succeeded) {
      if (!client_options.json) print(outcome.text);
      return outcome.status;
    }
    const std::string_view message = ended.root().find("error").find("message").text();
    print_error(slipway::format("{} {} {}: {}", kind, id, state, message));
    return ExitStatus::failed;
  });
}

}  // namespace slipway
