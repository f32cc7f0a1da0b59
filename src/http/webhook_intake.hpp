// What becomes of a webhook that is known to be genuine, or that is sent again: builds, a reason for
// none, or a mistake. It is kept with that, in the trigger's deliveries, before it is answered.
//
// Thread safety: pure functions over thread-safe parts.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <slipway/build/build.hpp>
#include <slipway/build/delivery_store.hpp>
#include <slipway/build/trigger.hpp>
#include <slipway/core/result.hpp>
#include <slipway/http/build_handler.hpp>
#include <slipway/http/message.hpp>

namespace slipway {

struct TakenWebhook {
  Delivery delivery;
  std::vector<Build> builds;
  std::optional<Error> mistake;  // the sender's
};

/// `replay_of`: the delivery that is sent again; empty for one that came. A repeat that came has the
/// builds of the first time, a replay makes new ones. Errors: io, quota_exceeded (nothing is kept
/// and whoever sent it should send it again).
Result<TakenWebhook> take_webhook(const BuildHandlerParts& parts, const Trigger& trigger,
                                  const WebhookFields& fields, std::string_view body,
                                  std::string_view replay_of = {});

/// 202 `{"builds": […]}`, 200 `{"ignored": "reason"}`, or the problem.
void respond_with_taken(const TakenWebhook& taken, HttpResponse& response);

}  // namespace slipway
