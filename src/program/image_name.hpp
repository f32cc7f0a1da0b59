// What an image is called on the command line: REPO, REPO:TAG or REPO@DIGEST.
//
// Thread safety: pure functions.
#pragma once

#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

struct ImageName {
  RepositoryName repository;
  std::optional<Reference> reference;

  /// The reference, or the tag that people mean when they write none.
  [[nodiscard]] Reference reference_or_latest() const;
};

/// Errors: invalid_argument, unsupported (a digest's algorithm).
Result<ImageName> parse_image_name(std::string_view text);

/// "app/web:1" or "app/web@sha256:…".
std::string image_name(const RepositoryName& repository, const Reference& reference);

}  // namespace slipway
