// The row of an attempt that is out: what a heartbeat, a guard and a token are checked against with
// one point read. It is there from the lease until the attempt ends.
//
// Thread safety: pure functions over a view.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/auth/identity.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

struct AttemptRow {
  std::uint64_t epoch = 0;
  std::string token_hash;  // SHA-256 of the registration token, 32 bytes
  std::string repository;
  std::string nonce;  // of the worker that registered; empty before

  [[nodiscard]] bool registered() const noexcept { return !nonce.empty(); }
};

/// nullopt: no attempt of this build is out. Errors: io, corrupt.
Result<std::optional<AttemptRow>> read_attempt(const ReadView& view, std::string_view build);

/// Errors: io.
Result<void> write_attempt(WriteTransaction& transaction, std::string_view build,
                           const AttemptRow& row);
Result<void> erase_attempt(WriteTransaction& transaction, std::string_view build);

/// Is this attempt out? Errors: conflict, io, corrupt.
Result<void> check_attempt(const ReadView& view, std::string_view build, std::uint64_t epoch);

WriteGuard guard_of_attempt(std::string_view build, std::uint64_t epoch);

}  // namespace slipway
