// WorkerTokens: what a registered worker presents: good for one build and one epoch.
//
// A token is signed, not stored: `slpw_` and base64url of build id, epoch and an HMAC-SHA256 under
// a key in the metadata store. Verifying it also reads the build: a token of an attempt that is
// over is no token.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <slipway/auth/token.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// The repository where workers keep the layers of a repository's builds; empty when its name would
/// be too long.
std::string layer_cache_of(std::string_view repository);

class WorkerTokens final : public CredentialVerifier {
 public:
  /// Reads or makes the key. The store must outlive it. Errors: io, corrupt.
  static Result<std::unique_ptr<WorkerTokens>> open(MetadataStore& metadata);

  [[nodiscard]] std::string issue(std::string_view build, std::uint64_t epoch) const;

  /// An identity of kind worker: pull and push on its repository and on its layer cache, pull on its
  /// tenant's others, and the guard of its attempt. Point read.
  Result<std::optional<Identity>> verify(std::string_view secret) const override;

  /// 'w', build and epoch: what is derived from a worker's token ends with its attempt.
  [[nodiscard]] std::optional<std::string> reference_of(std::string_view secret) const override;
  [[nodiscard]] Result<std::optional<Identity>> recall(std::string_view reference) const override;

 private:
  WorkerTokens(MetadataStore& metadata, std::string key);

  MetadataStore& metadata_;
  std::string key_;
};

}  // namespace slipway
