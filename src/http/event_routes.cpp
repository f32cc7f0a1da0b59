// GET /api/v1/events and /api/v1/builds/{id}/events.

#include <string>
#include <utility>

#include <slipway/core/byte_range.hpp>

#include "build/change_feed.hpp"
#include "http/build_routes.hpp"
#include "http/event_stream.hpp"

namespace slipway {
namespace {

/// The number that the reader saw last: of the field that browsers send when they come back, or of
/// the query, for who cannot set fields. nullopt without one. Errors: invalid_argument.
Result<std::optional<std::uint64_t>> last_event(const HttpRequest& request) {
  std::string text(request.field("last-event-id"));
  if (text.empty()) text = query_parameter(request.query(), "after").value_or("");
  if (text.empty()) return std::optional<std::uint64_t>();
  const auto number = detail::parse_decimal(text);
  if (!number)
    return Error(ErrorCode::invalid_argument,
                 "Last-Event-ID \"" + text.substr(0, 64) +
                     "\": expected the id of an event, which is a whole number");
  return std::optional<std::uint64_t>(*number);
}

void begin_events(HttpResponse& response) {
  response.add("Content-Type", "text/event-stream");
  response.add("Cache-Control", "no-store");
  response.add("X-Accel-Buffering", "no");  // proxies that hold answers back
}

Result<void> follow_all(const ApiCall& call, HttpResponse& response) {
  const BuildHandlerParts& parts = call.parts();
  SLIPWAY_TRY(std::optional<std::uint64_t> after, last_event(call.request));
  if (!after) {
    SLIPWAY_TRY(const auto view, parts.metadata.snapshot());
    SLIPWAY_TRY(after, feed_end(*view));
  }
  begin_events(response);
  const auto may_see = [&policy = parts.policy, need = call.need,
                        identity = call.identity](const Build& build) {
    return policy.decide(need, identity, {build.request.repository.str(), build.id}) ==
           AccessDecision::allowed;
  };
  response.body() = make_event_stream(parts.metadata, parts.queue, *after, may_see);
  return {};
}

Result<void> follow_one(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Build build, visible_build(call, call.parameters.front()));
  SLIPWAY_TRY(const std::optional<std::uint64_t> after, last_event(call.request));
  begin_events(response);
  const BuildHandlerParts& parts = call.parts();
  response.body() =
      make_build_event_stream(parts.metadata, parts.queue, build.id, after.value_or(0));
  return {};
}

}  // namespace

HttpAction follow_builds(const ApiCallPointer& call, HttpResponse& response) {
  return answer_point_read(call, follow_all, response);
}

HttpAction follow_build(const ApiCallPointer& call, HttpResponse& response) {
  return answer_point_read(call, follow_one, response);
}

}  // namespace slipway
