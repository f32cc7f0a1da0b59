// DeliveryStore: the webhooks that a trigger received, each with what became of it.
//
// Only signed ones are kept: nobody without the trigger's secret can fill the store. A trigger has
// at most so many, of so many bytes; the oldest go as new ones come, and all go with the trigger.
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// A refusal, in the words that were answered.
struct DeliveryError {
  std::string code;  // of core/error.hpp
  std::string message;

  friend bool operator==(const DeliveryError&, const DeliveryError&) = default;
};

/// What was answered. One of `builds`, `ignored` and `error` says what it came to.
struct DeliveryResult {
  int status = 0;                   // of HTTP
  std::vector<std::string> builds;  // ids
  std::string ignored;              // the reason
  std::optional<DeliveryError> error;

  friend bool operator==(const DeliveryResult&, const DeliveryResult&) = default;
};

struct Delivery {
  std::string id;  // ULID
  std::string trigger;
  std::string delivery;  // the provider's id of it; empty when there was none
  std::string event;     // as the provider calls it: "push", "Tag Push Hook"
  std::vector<std::pair<std::string, std::string>> fields;  // those that matter; no secret
  std::uint64_t body_size = 0;                              // bytes
  Timestamp received{};
  std::chrono::milliseconds took{};
  std::string replay_of;  // the delivery that was sent again; empty for one that came
  DeliveryResult result;

  friend bool operator==(const Delivery&, const Delivery&) = default;
};

struct DeliveryPage {
  std::vector<Delivery> deliveries;  // newest first
  bool more = false;
};

struct DeliveryLimits {
  std::chrono::milliseconds kept = std::chrono::days(30);
  std::uint64_t most = 100;                              // of one trigger
  std::uint64_t most_bytes = std::uint64_t{64} << 20U;  // of one trigger's bodies; one always stays
};

class DeliveryStore {
 public:
  /// The store must outlive it.
  explicit DeliveryStore(MetadataStore& metadata, const DeliveryLimits& limits = {})
      : metadata_(metadata), limits_(limits) {}

  /// Removes what there are too many of then. One of a trigger that is gone is not kept.
  /// Errors: io, quota_exceeded.
  Result<void> keep(const Delivery& delivery, std::string_view body);

  /// The same as a part of a transaction.
  Result<void> keep_within(WriteTransaction& transaction, const Delivery& delivery,
                           std::string_view body) const;

  /// Point read. Errors: not_found, io, corrupt.
  Result<Delivery> find(std::string_view trigger, std::string_view id) const;
  /// As it was received. Errors: as find.
  Result<std::string> body(std::string_view trigger, std::string_view id) const;

  /// `after`: older than that delivery; empty: from the newest. Errors: io, corrupt.
  Result<DeliveryPage> list(std::string_view trigger, std::string_view after,
                            std::size_t limit) const;

  /// Removes those that came too long before `now`, at most `limit` of them; answers how many.
  /// Errors: io.
  Result<std::size_t> remove_old(Timestamp now, std::size_t limit);

 private:
  MetadataStore& metadata_;
  const DeliveryLimits limits_;
};

}  // namespace slipway
