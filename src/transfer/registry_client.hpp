// RegistryClient: one repository of a registry, over HTTP.
//
// OCI distribution specification 1.1.1: "Pushing Blobs", "Pushing Manifests", "Pulling blobs",
// "Mounting a blob from another repository", "Listing Referrers". Content is verified on its way, in
// both directions: what does not have the digest that it should have is neither pushed nor handed
// on as complete.
//
// Errors of all members, besides those they name: those of HttpTransport::send; unauthenticated,
// denied, unavailable or io (by the answer's status, with the registry's own words).
//
// Thread safety: as the transport's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/descriptor.hpp>
#include <slipway/core/digest.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>
#include <slipway/http/transport.hpp>

#include "archive/byte_stream.hpp"

namespace slipway {

/// The target of `Link: <…>; rel="next"` (RFC 8288): where a list goes on. Empty: it does not.
std::string_view next_page(const IncomingResponse& response) noexcept;

class RegistryClient {
 public:
  /// `url` without a slash behind; an empty token sends none. The transport must outlive this.
  RegistryClient(HttpTransport& transport, std::string url, std::string token,
                 RepositoryName repository);

  [[nodiscard]] const RepositoryName& repository() const noexcept { return repository_; }

  struct Content {
    std::string bytes;
    std::string media_type;
    Digest digest;
  };
  /// Errors: not_found, digest_mismatch, too_large.
  Result<Content> read_manifest(const Reference& reference) const;

  /// The digest that a reference leads to. Errors: not_found.
  Result<Digest> resolve(const Reference& reference) const;

  /// Errors: those of a refused manifest, by its status: invalid_argument, not_found (what it names),
  /// too_large.
  Result<void> put_manifest(const Reference& reference, std::string_view media_type,
                            std::string_view bytes) const;
  /// A tag alone, or a manifest with its tags. Errors: not_found.
  Result<void> delete_manifest(const Reference& reference) const;

  enum class Presence { absent, present, mounted };
  /// Is the blob there, or can the registry take it from another repository that this token may
  /// read? After `absent` an upload has been opened for it: `push_blob` uses it.
  Result<Presence> find_blob(const Digest& digest);

  /// Exactly `size` bytes of this digest. Errors: digest_mismatch (nothing was kept),
  /// invalid_argument (another size), the source's.
  Result<void> push_blob(const Digest& digest, std::uint64_t size, const ByteSource& source);

  struct Pushed {
    Digest digest;
    std::uint64_t size = 0;
  };
  /// Bytes whose digest is found on the way. Errors: the source's.
  Result<Pushed> push_blob(const ByteSource& source);

  /// Errors: not_found, digest_mismatch and invalid_argument (another size) at the end, the sink's.
  Result<void> read_blob(const Digest& digest, std::uint64_t size, const ByteSink& sink) const;

  /// The blob's bytes as they are asked for, by ranges: what is not read is not sent.
  [[nodiscard]] ByteSource blob_source(const Digest& digest) const;

  /// All of them. Errors: invalid_argument (an answer that is no index).
  Result<std::vector<Descriptor>> referrers(const Digest& subject) const;

 private:
  [[nodiscard]] std::string path(std::string_view below) const;
  [[nodiscard]] OutgoingRequest request(HttpMethod method, std::string url) const;
  Result<IncomingResponse> send(const OutgoingRequest& request, const BodySink& sink = {}) const;
  /// The URL that an upload's next request goes to; the token goes nowhere else than to `url`.
  Result<std::string> upload_location(const IncomingResponse& response) const;
  Result<std::string> begin_upload();
  Result<void> close_upload(OutgoingRequest put, const std::string& location) const;
  void cancel_upload(const std::string& location) const;

  HttpTransport& transport_;
  const std::string url_;
  const std::string token_;
  const RepositoryName repository_;
  std::optional<std::string> open_upload_;  // left over by find_blob
};

}  // namespace slipway
