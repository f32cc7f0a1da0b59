// An upload's life as any client may order it, against a model: what a registry says of an upload is
// what was appended to it, and a blob is there exactly when its upload was closed with its digest.
#include <slipway/registry/registry.hpp>
#include <slipway/storage/memory_metadata_store.hpp>
#include <slipway/storage/memory_object_store.hpp>
#include <slipway/support/hasher.hpp>
#include <slipway/support/ulid.hpp>

#include <algorithm>
#include <memory>
#include <string>

#include "tests/fuzz/fuzz.hpp"

using namespace slipway;

namespace {

class Uploads {
 public:
  explicit Uploads(std::string_view script) : input_(script) {}

  void run() {
    while (!input_.empty()) step(input_.byte() % 8);
  }

 private:
  void step(int what) {
    switch (what) {
      case 0: return begin();
      case 1: return append(input_.byte() * 100U);
      case 2: return append(input_.byte() * 1000U);
      case 3: return close(true);
      case 4: return close(false);
      case 5: return cancel();
      case 6: return ask_about(input_.line());
      default: clock_.advance(std::chrono::hours(input_.byte())); return;
    }
  }

  void begin() {
    const auto algorithm = input_.byte() % 2 == 0 ? DigestAlgorithm::sha256 : DigestAlgorithm::sha512;
    id_ = registry_->begin_upload(repository_, algorithm);
    FUZZ_EXPECT(id_.size() <= 64);
    FUZZ_EXPECT(registry_->check_upload(repository_, id_).ok());
    FUZZ_EXPECT(!registry_->check_upload(other_, id_).ok());
    content_.clear();
    // Not what the clock says: identifiers never go back, and the inputs before went further.
    begun_ = *ulid_time(std::string_view(id_).substr(0, ulid_size));
    open_ = true;
  }

  [[nodiscard]] bool expired() const { return clock_.now() - begun_ >= std::chrono::hours(24 * 7); }

  void append(std::size_t size) {
    // Sometimes at another offset than where it stands.
    const std::uint64_t offset = content_.size() + (input_.byte() == 0 ? 1U : 0U);
    auto writer = registry_->write_upload(repository_, id_, offset);
    if (!open_ || expired() || offset != content_.size()) {
      FUZZ_EXPECT(!writer.ok());
      return;
    }
    FUZZ_EXPECT(writer.ok());
    const std::string bytes(size, static_cast<char>('a' + size % 26));
    FUZZ_EXPECT((*writer)->append(std::as_bytes(std::span(bytes))).ok());
    content_ += bytes;
    // Left alone as by a broken connection, or ended in order.
    if (input_.byte() % 2 == 0) {
      const auto size_now = (*writer)->suspend();
      FUZZ_EXPECT(size_now.ok() && *size_now == content_.size());
    }
    writer->reset();
    const auto known = registry_->upload_size(repository_, id_);
    FUZZ_EXPECT(known.ok() && *known == content_.size());
  }

  void close(bool right) {
    auto writer = registry_->write_upload(repository_, id_);
    FUZZ_EXPECT(writer.ok() == (open_ && !expired()));
    if (!writer) return;
    const Digest digest = digest_of(right ? content_ : content_ + "x");
    const auto blob = (*writer)->commit(digest);
    FUZZ_EXPECT(blob.ok() == right);
    open_ = false;
    if (right) {
      FUZZ_EXPECT(blob->size == content_.size() && blob->digest == digest);
      FUZZ_EXPECT(registry_->stat_blob(repository_, digest).ok());
      const auto result = registry_->upload_result(repository_, id_);
      FUZZ_EXPECT(result.ok() && result->digest == digest);
    }
  }

  void cancel() {
    const auto cancelled = registry_->cancel_upload(repository_, id_);
    FUZZ_EXPECT(cancelled.ok() == (open_ && !expired()));
    if (cancelled) open_ = false;
  }

  /// An id that nobody gave out.
  void ask_about(std::string_view text) {
    std::string id(text);
    if (id == id_) return;
    FUZZ_EXPECT(!registry_->check_upload(repository_, id).ok());
    FUZZ_EXPECT(!registry_->upload_size(repository_, id).ok());
    FUZZ_EXPECT(!registry_->write_upload(repository_, id).ok());
  }

  fuzz::Input input_;
  std::unique_ptr<MetadataStore> metadata_ = make_memory_metadata_store();
  std::unique_ptr<ObjectStore> objects_ = make_memory_object_store();
  ManualClock clock_{*parse_rfc3339("2026-11-24T09:05:03.007Z")};
  BlobStore blobs_{*metadata_, *objects_, clock_};
  std::unique_ptr<Registry> registry_ = *open_registry(blobs_, clock_);
  const RepositoryName repository_ = *RepositoryName::parse("app/web");
  const RepositoryName other_ = *RepositoryName::parse("app/other");
  std::string id_ = "none";
  std::string content_;
  Timestamp begun_{};
  bool open_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Uploads(fuzz::text_of(data, std::min<std::size_t>(size, 200))).run();
  return 0;
}
