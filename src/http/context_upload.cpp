#include "http/context_upload.hpp"

#include <string>
#include <utility>
#include <variant>

#include <slipway/registry/registry.hpp>
#include <slipway/support/hasher.hpp>

namespace slipway {
namespace {

class ContextUpload final : public BodyReceiver {
 public:
  ContextUpload(ApiCallPointer call, BuildRequest request, SubmitBuild submit)
      : call_(std::move(call)), request_(std::move(request)), submit_(std::move(submit)) {}

  ~ContextUpload() override {
    if (upload_.empty() || committed_) return;
    writer_.reset();
    if (const auto cancelled = registry().cancel_upload(request_.repository, upload_); !cancelled)
      call_->parts().log.warning("context upload not removed",
                                 {{"upload", upload_}, {"error", cancelled.error().message}});
  }

  Result<void> append(std::span<const std::byte> bytes) override {
    if (writer_ == nullptr) SLIPWAY_CHECK(begin());
    hasher_.update(bytes);
    return writer_->append(bytes);
  }

  void finish(HttpResponse& response) override {
    if (const auto done = submit(response); !done) fail(done.error(), response);
  }

  void fail(const Error& error, HttpResponse& response) override {
    response.clear();
    respond_with_error(error, response);
  }

 private:
  [[nodiscard]] Registry& registry() const noexcept { return call_->parts().registry; }

  Result<void> begin() {
    upload_ = registry().begin_upload(request_.repository);
    SLIPWAY_TRY(writer_, registry().write_upload(request_.repository, upload_));
    return {};
  }

  Result<void> submit(HttpResponse& response) {
    if (writer_ == nullptr)
      return Error(ErrorCode::invalid_argument, "the context is empty; send a tar as the body");
    const Digest digest = hasher_.finish();
    SLIPWAY_CHECK(writer_->commit(digest));
    committed_ = true;
    std::get<ContextSource>(request_.source).digest = digest;
    return submit_(*call_, request_, response);
  }

  const ApiCallPointer call_;
  BuildRequest request_;
  const SubmitBuild submit_;
  std::string upload_;
  std::unique_ptr<UploadWriter> writer_;
  Hasher hasher_;
  bool committed_ = false;
};

}  // namespace

std::unique_ptr<BodyReceiver> receive_context(ApiCallPointer call, BuildRequest request,
                                              SubmitBuild submit) {
  return std::make_unique<ContextUpload>(std::move(call), std::move(request), std::move(submit));
}

}  // namespace slipway
