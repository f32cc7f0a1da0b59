// Runs a caller's closure: what it throws becomes an error.
#pragma once

#include <exception>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

#include "support/format.hpp"

namespace slipway {

/// Errors: the closure's; internal (it threw).
inline Result<void> run_closure(const MetadataStore::Write& closure,
                                WriteTransaction& transaction) {
  try {
    return closure(transaction);
  } catch (const std::exception& error) {
    return Error(ErrorCode::internal, slipway::format("a write threw: {}", error.what()));
  } catch (...) {
    return Error(ErrorCode::internal, "a write threw something that is not a std::exception");
  }
}

}  // namespace slipway
