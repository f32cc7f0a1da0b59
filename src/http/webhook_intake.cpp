#include "http/webhook_intake.hpp"

#include <string>
#include <utility>
#include <variant>

#include <slipway/support/ulid.hpp>

#include "build/build_json.hpp"
#include "build/webhook.hpp"
#include "http/api.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

/// One that whoever sent it made; the others are the server's and worth another delivery.
bool is_senders_mistake(const Error& error) {
  return error.code == ErrorCode::invalid_argument || error.code == ErrorCode::unsupported ||
         error.code == ErrorCode::too_large;
}

void ignore(TakenWebhook& taken, std::string_view reason) {
  std::string& ignored = taken.delivery.result.ignored;
  ignored.append(ignored.empty() ? "" : "; ").append(reason);
}

/// One webhook on its way.
struct Intake {
  const BuildHandlerParts& parts;
  const Trigger& trigger;
  const WebhookFields& fields;
  std::string_view body;
  MonotonicTime begin;
  TakenWebhook taken = {};
  bool kept = false;

  void took_until_now() {
    taken.delivery.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        parts.clock.monotonic() - begin);
  }
};

/// With the last build the delivery is written: most make one, and so are answered after one commit.
/// Errors: those of the queue and of the deliveries.
Result<void> submit(Intake& intake, const PushEvent& push, const BuildRequest& request,
                    bool is_last) {
  const BuildHandlerParts& parts = intake.parts;
  Delivery& delivery = intake.taken.delivery;
  BuildQueue::AlsoWritten also;
  if (is_last) {
    delivery.result.status = 202;
    intake.took_until_now();
    also = [&](WriteTransaction& transaction, const Build& build) {
      Delivery whole = delivery;
      whole.result.builds.push_back(build.id);
      return parts.deliveries.keep_within(transaction, whole, intake.body);
    };
  }
  SLIPWAY_TRY(Build build, parts.queue.submit(request, {}, also));
  intake.kept = is_last;
  parts.log.info("webhook started a build", {{"trigger", intake.trigger.id},
                                             {"delivery", push.delivery},
                                             {"build", build.id},
                                             {"ref", push.ref}});
  delivery.result.builds.push_back(build.id);
  intake.taken.builds.push_back(std::move(build));
  return {};
}

/// Errors: those of `submit`.
Result<void> build_pushes(Intake& intake, const std::vector<PushEvent>& pushes) {
  std::vector<std::pair<const PushEvent*, BuildRequest>> wanted;
  for (const PushEvent& push : pushes) {
    auto decision = match_trigger(intake.trigger, push);
    if (const auto* ignored = std::get_if<IgnoredEvent>(&decision)) {
      ignore(intake.taken, ignored->reason);
      continue;
    }
    auto& request = std::get<BuildRequest>(decision);
    // A replay is meant to build again: it repeats no delivery.
    const Delivery& delivery = intake.taken.delivery;
    if (!delivery.replay_of.empty()) request.trigger->delivery = "replay-" + delivery.id;
    wanted.emplace_back(&push, std::move(request));
  }
  for (const auto& [push, request] : wanted)
    SLIPWAY_CHECK(submit(intake, *push, request, &request == &wanted.back().second));
  return {};
}

/// Errors: those of the payload, those of `build_pushes`.
Result<void> act(Intake& intake) {
  SLIPWAY_TRY(const auto event,
              parse_webhook(intake.trigger.request.provider, intake.fields, intake.body));
  if (const auto* ignored = std::get_if<IgnoredEvent>(&event)) {
    ignore(intake.taken, ignored->reason);
    return {};
  }
  return build_pushes(intake, std::get<std::vector<PushEvent>>(event));
}

}  // namespace

Result<TakenWebhook> take_webhook(const BuildHandlerParts& parts, const Trigger& trigger,
                                  const WebhookFields& fields, std::string_view body,
                                  std::string_view replay_of) {
  const GitProvider provider = trigger.request.provider;
  Intake intake{parts, trigger, fields, body, parts.clock.monotonic()};
  TakenWebhook& taken = intake.taken;
  Delivery& delivery = taken.delivery;
  delivery.received = parts.clock.now();
  delivery.id = make_ulid(delivery.received);
  delivery.trigger = trigger.id;
  delivery.delivery = webhook_delivery(provider, fields).substr(0, 200);
  delivery.event = webhook_event(provider, fields).substr(0, 200);
  delivery.fields = fields_worth_keeping(provider, fields);
  delivery.body_size = body.size();
  delivery.replay_of = replay_of;

  const auto acted = act(intake);
  if (!acted && !is_senders_mistake(acted.error())) return acted.error();
  DeliveryResult& result = delivery.result;
  result.status = !acted ? http_status(acted.error().code) : taken.builds.empty() ? 200 : 202;
  if (!acted) {
    result.error = DeliveryError{std::string(to_string(acted.error().code)), acted.error().message};
    taken.mistake = acted.error();
  } else if (taken.builds.empty()) {
    parts.log.info("webhook ignored", {{"trigger", trigger.id}, {"reason", result.ignored}});
  }
  if (!intake.kept) {
    intake.took_until_now();
    SLIPWAY_CHECK(parts.deliveries.keep(delivery, body));
  }
  return std::move(taken);
}

void respond_with_taken(const TakenWebhook& taken, HttpResponse& response) {
  const DeliveryResult& result = taken.delivery.result;
  if (taken.mistake) {
    respond_with_error(*taken.mistake, response);
    return;
  }
  json::Writer json;
  json.begin_object();
  if (taken.builds.empty()) {
    json.member("ignored", result.ignored);
  } else {
    json.key("builds").begin_array();
    for (const Build& build : taken.builds) write_json(json, build);
    json.end_array();
  }
  json.end_object();
  respond_with_json(result.status, json.str(), response);
}

}  // namespace slipway
