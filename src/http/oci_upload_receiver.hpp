// Receives the bytes of blobs: a chunk of an upload, its last one, or a blob in one request.
//
// Thread safety: the functions from any thread; a receiver as BodyReceiver says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/oci_call.hpp"

namespace slipway {

/// What a PATCH or PUT asks of an upload.
struct UploadStep {
  std::string upload;
  std::optional<ByteRange> range;  // Content-Range
  std::optional<Digest> digest;    // a PUT ends the upload with it
};

/// Takes the request's body as the next bytes of an upload.
HttpAction receive_step(const OciParts& parts, OciCall call, UploadStep step);

/// Takes the request's body as a whole blob.
HttpAction receive_blob(const OciParts& parts, OciCall call, const Digest& digest);

/// Location, Range ("0-99" for 100 bytes, without a unit; "0-0" for none too) and
/// Docker-Upload-UUID.
void add_upload_fields(const RepositoryName& repository, std::string_view upload,
                       std::uint64_t size, HttpResponse& response);

/// 201 with Location and Docker-Content-Digest.
void respond_blob_created(const RepositoryName& repository, const Digest& digest,
                          HttpResponse& response);

}  // namespace slipway
