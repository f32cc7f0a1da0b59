// StatusCourier: tells providers of the states of builds, as commit_status.hpp makes the requests.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <utility>

#include <slipway/build/build_queue.hpp>
#include <slipway/build/trigger.hpp>
#include <slipway/http/destination_rules.hpp>
#include <slipway/http/transport.hpp>

#include "serve/courier.hpp"

namespace slipway {

struct StatusCourierParts {
  BuildQueue& queue;
  TriggerStore& triggers;
  HttpTransport& transport;
  const DestinationRules& destinations;
};

class StatusCourier final : public Courier {
 public:
  /// All must outlive it. `public_url`: how people reach this server.
  StatusCourier(const StatusCourierParts& parts, std::string public_url)
      : parts_(parts), public_url_(std::move(public_url)) {}

  Result<Attempt> carry(const OutboxItem& item, const std::stop_token& stop) override;

 private:
  const StatusCourierParts parts_;
  const std::string public_url_;
};

}  // namespace slipway
