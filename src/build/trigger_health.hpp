// How a trigger's builds end: the row that counts user failures in a row and pauses the trigger.
//
// A build that fails by its own source or Dockerfile will fail again; a trigger of which the last
// hundred did so starts no more until a person has looked and resumed it. A build that succeeds
// begins the count anew; timeouts, failures of the infrastructure and cancelled builds say nothing.
//
// Thread safety: pure functions over a view.
#pragma once

#include <optional>
#include <string_view>

#include <slipway/build/build.hpp>
#include <slipway/build/trigger.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

inline constexpr unsigned failures_until_paused = 100;

/// Errors: io, corrupt.
Result<TriggerHealth> read_health(const ReadView& view, std::string_view trigger);

/// Within the transaction that ends the build. Errors: io, corrupt.
Result<void> count_outcome(WriteTransaction& transaction, const Build& ended, Timestamp now);

/// As if none had failed. Errors: io.
Result<void> erase_health(WriteTransaction& transaction, std::string_view trigger);

}  // namespace slipway
