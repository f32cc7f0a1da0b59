#include "http/oci_upload_receiver.hpp"

#include <memory>
#include <utility>

#include "support/format.hpp"

namespace slipway {
namespace {

/// Counts the uploads whose bytes arrive now.
class ActiveUpload {
 public:
  explicit ActiveUpload(Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
  ~ActiveUpload() { gauge_.add(-1); }
  ActiveUpload(const ActiveUpload&) = delete;
  ActiveUpload& operator=(const ActiveUpload&) = delete;

 private:
  Gauge& gauge_;
};

void count_push(const OciParts& parts, const BlobInfo& blob) {
  parts.counters.blobs_pushed.add();
  parts.counters.blob_bytes_pushed.add(static_cast<double>(blob.size));
}

/// A chunk of an upload. The upload is opened with the first bytes, since that may block.
class StepReceiver final : public BodyReceiver {
 public:
  StepReceiver(const OciParts& parts, OciCall call, UploadStep step)
      : parts_(parts),
        call_(std::move(call)),
        step_(std::move(step)),
        active_(parts.counters.uploads_active) {}

  Result<void> append(std::span<const std::byte> bytes) override {
    SLIPWAY_CHECK(open());
    return writer_->append(bytes);
  }

  void finish(HttpResponse& response) override {
    if (const auto opened = open(); !opened) return fail(opened.error(), response);
    if (step_.digest) return commit(response);
    const auto size = writer_->suspend();
    writer_.reset();
    if (!size) return fail(size.error(), response);
    response.status = 202;
    add_upload_fields(call_.repository, step_.upload, *size, response);
  }

  void finish_then(HttpResponse& response, std::function<void()> done) override {
    if (!step_.digest || !open()) {
      finish(response);
      return done();
    }
    writer_->commit_then(*step_.digest, call_.identity.guard,
                         [this, &response, done = std::move(done)](const Result<BlobInfo>& blob) {
                           tell(blob, response);
                           done();
                         });
  }

  void fail(const Error& error, HttpResponse& response) override {
    writer_.reset();  // keeps what arrived
    if (error.code == ErrorCode::not_found && step_.digest && repeats_end(response)) return;
    const bool misplaced =
        error.code == ErrorCode::range_mismatch ||
        (error.code == ErrorCode::conflict && step_.range);  // its bytes are on their way already
    if (!misplaced) return parts_.fail(error, OciSubject::upload, response);
    const auto size = parts_.registry.upload_size(call_.repository, step_.upload);
    if (!size) return parts_.fail(size.error(), OciSubject::upload, response);
    add_upload_fields(call_.repository, step_.upload, *size, response);
    parts_.fail(Error(ErrorCode::range_mismatch, error.message), OciSubject::upload, response);
  }

 private:
  Result<void> open() {
    if (writer_) return {};
    SLIPWAY_TRY(writer_, parts_.registry.write_upload(
                             call_.repository, step_.upload,
                             step_.range ? std::optional(step_.range->offset) : std::nullopt));
    return {};
  }

  void commit(HttpResponse& response) {
    tell(writer_->commit(*step_.digest, call_.identity.guard), response);
  }

  void tell(const Result<BlobInfo>& blob, HttpResponse& response) {
    if (!blob) return fail(blob.error(), response);
    count_push(parts_, *blob);
    respond_blob_created(call_.repository, *step_.digest, response);
  }

  /// The same end again, whose first answer was lost.
  bool repeats_end(HttpResponse& response) {
    const auto blob = parts_.registry.upload_result(call_.repository, step_.upload);
    if (!blob || blob->digest != *step_.digest) return false;
    respond_blob_created(call_.repository, blob->digest, response);
    return true;
  }

  const OciParts& parts_;
  const OciCall call_;
  const UploadStep step_;
  const ActiveUpload active_;
  std::unique_ptr<UploadWriter> writer_;
};

/// A blob in one request.
class BlobReceiver final : public BodyReceiver {
 public:
  BlobReceiver(const OciParts& parts, OciCall call, const Digest& digest)
      : parts_(parts),
        call_(std::move(call)),
        digest_(digest),
        active_(parts.counters.uploads_active),
        writer_(parts.registry.write_blob(call_.repository, digest.algorithm())) {}

  Result<void> append(std::span<const std::byte> bytes) override { return writer_->append(bytes); }

  void finish(HttpResponse& response) override {
    tell(writer_->commit(digest_, call_.identity.guard), response);
  }

  void finish_then(HttpResponse& response, std::function<void()> done) override {
    writer_->commit_then(digest_, call_.identity.guard,
                         [this, &response, done = std::move(done)](const Result<BlobInfo>& blob) {
                           tell(blob, response);
                           done();
                         });
  }

  void fail(const Error& error, HttpResponse& response) override {
    parts_.fail(error, OciSubject::upload, response);
  }

 private:
  void tell(const Result<BlobInfo>& blob, HttpResponse& response) {
    if (!blob) return fail(blob.error(), response);
    count_push(parts_, *blob);
    respond_blob_created(call_.repository, digest_, response);
  }

  const OciParts& parts_;
  const OciCall call_;
  const Digest digest_;
  const ActiveUpload active_;
  const std::unique_ptr<UploadWriter> writer_;
};

/// Without a body there is nothing to wait for; what ends it may block all the same.
HttpAction receive(const HttpRequest& request, std::unique_ptr<BodyReceiver> receiver) {
  if (request.has_body) return HttpReceive{std::move(receiver)};
  return HttpBlocking{[shared = std::shared_ptr<BodyReceiver>(std::move(receiver))](
                          HttpResponse& later) { shared->finish(later); }};
}

}  // namespace

HttpAction receive_step(const OciParts& parts, OciCall call, UploadStep step) {
  const HttpRequest& request = call.request;
  return receive(request, std::make_unique<StepReceiver>(parts, std::move(call), std::move(step)));
}

HttpAction receive_blob(const OciParts& parts, OciCall call, const Digest& digest) {
  const HttpRequest& request = call.request;
  return receive(request, std::make_unique<BlobReceiver>(parts, std::move(call), digest));
}

void add_upload_fields(const RepositoryName& repository, std::string_view upload,
                       std::uint64_t size, HttpResponse& response) {
  response.add("Location", oci_path(repository, "/blobs/uploads/", upload));
  response.add("Range", slipway::format("0-{}", size == 0 ? 0 : size - 1));
  response.add("Docker-Upload-UUID", upload);
  response.add("OCI-Chunk-Min-Length", std::uint64_t{1});
}

void respond_blob_created(const RepositoryName& repository, const Digest& digest,
                          HttpResponse& response) {
  const std::string text = digest.to_string();
  response.status = 201;
  response.add("Location", oci_path(repository, "/blobs/", text));
  response.add("Docker-Content-Digest", text);
}

}  // namespace slipway
