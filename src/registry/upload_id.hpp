// Upload ids that prove by themselves when an upload was opened and where it belongs, so that
// opening one writes nothing.
//
//   <ULID: 26> <algorithm: "a" sha256, "b" sha512> <code: 32 lower-case hex digits>
//
// The code is HMAC-SHA-256 over the rest of the id and the repository's name, cut to 128 bits, with
// a random key that the metadata store keeps. Ids sort by the time of opening.
//
// Thread safety: immutable once made.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

struct UploadId {
  Timestamp opened;
  DigestAlgorithm algorithm;
};

class UploadIds {
 public:
  explicit UploadIds(std::string key) : key_(std::move(key)) {}

  [[nodiscard]] std::string make(const RepositoryName& repository, DigestAlgorithm algorithm,
                                 Timestamp now) const;

  /// nullopt: not an id of ours for this repository.
  [[nodiscard]] std::optional<UploadId> check(const RepositoryName& repository,
                                              std::string_view id) const;

 private:
  [[nodiscard]] std::string code(std::string_view id, const RepositoryName& repository) const;

  const std::string key_;
};

/// The store's key for upload ids; made when it is missing. Errors: io, quota_exceeded, corrupt.
Result<std::string> load_upload_key(MetadataStore& metadata);

}  // namespace slipway
