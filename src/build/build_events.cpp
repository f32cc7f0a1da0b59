#include "build/build_events.hpp"

#include <optional>

#include "build/build_json.hpp"
#include "json/writer.hpp"
#include "notify/notices.hpp"

namespace slipway {
namespace {

std::optional<NotificationEvent> event_of(const Build* before, const Build& after) {
  if (before == nullptr) return NotificationEvent::build_queued;
  if (before->state == after.state) return std::nullopt;
  if (is_final(after.state)) return NotificationEvent::build_finished;
  if (after.state == BuildState::running) return NotificationEvent::build_started;
  return std::nullopt;
}

}  // namespace

Result<void> announce_build(WriteTransaction& transaction, const Build* before, const Build& after,
                            Timestamp now) {
  const auto event = event_of(before, after);
  if (!event) return {};
  notices::Happening happening{*event, after.request.repository.str(), after.id, {}};
  happening.data = [&after] {
    json::Writer json;
    json.begin_object().member("repository", after.request.repository.str()).key("build");
    write_json(json, after);
    json.end_object();
    return json.take();
  };
  return notices::announce(transaction, happening, now);
}

}  // namespace slipway
