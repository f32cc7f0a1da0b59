#include "serve/status_courier.hpp"

#include "build/commit_status.hpp"
#include "support/format.hpp"

namespace slipway {

Result<Attempt> StatusCourier::carry(const OutboxItem& item, const std::stop_token& stop) {
  const auto build = parts_.queue.find(item.id);
  if (!build && build.error().code == ErrorCode::not_found) return Attempt{};
  if (!build) return build.error();
  if (!build->request.trigger) return Attempt{};
  const auto trigger = parts_.triggers.find(build->request.trigger->id);
  if (!trigger && trigger.error().code == ErrorCode::not_found) return Attempt{};
  if (!trigger) return trigger.error();
  if (trigger->request.status_token.empty()) return Attempt{};
  auto status = commit_status_request(
      *trigger, *build, slipway::format("{}/api/v1/builds/{}", public_url_, build->id));
  if (!status) return refuse(status.error());
  if (const auto allowed = parts_.destinations.check_url(status->url); !allowed)
    return refuse(allowed.error());
  OutgoingRequest request = bounded_post(std::move(status->url));
  request.fields = std::move(status->fields);
  request.body = std::move(status->body);
  return judge(parts_.transport.send(request, {}, stop));
}

}  // namespace slipway
