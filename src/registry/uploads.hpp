// Uploads: from an id that proves itself to a blob in a repository.
//
// Thread safety: any thread; locks are per upload.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/registry/registry.hpp>

#include "registry/upload_id.hpp"
#include "registry/upload_table.hpp"

namespace slipway {

class Uploads {
 public:
  Uploads(BlobStore& blobs, Clock& clock, const RegistryOptions& options, std::string key);

  // As Registry's members of these names.
  std::string begin_upload(const RepositoryName& repository, DigestAlgorithm algorithm);
  Result<void> check_upload(const RepositoryName& repository, std::string_view upload);
  Result<std::uint64_t> upload_size(const RepositoryName& repository, std::string_view upload);
  Result<std::unique_ptr<UploadWriter>> write_upload(const RepositoryName& repository,
                                                     std::string_view upload,
                                                     std::optional<std::uint64_t> offset);
  Result<BlobInfo> upload_result(const RepositoryName& repository, std::string_view upload);
  Result<void> cancel_upload(const RepositoryName& repository, std::string_view upload);
  std::unique_ptr<UploadWriter> write_blob(const RepositoryName& repository,
                                           DigestAlgorithm algorithm);

  /// Before the first upload: forgets the stages that nobody can go on with. Errors: io.
  Result<void> discard_stages_of_earlier_processes();

  /// As Registry::discard_expired_uploads.
  Result<std::uint64_t> discard_expired(const std::stop_token& stop);

 private:
  friend class ResumableUpload;
  friend class SingleUpload;

  struct OpenUpload {
    UploadTable::Turn turn;
    std::unique_ptr<BlobWriter> writer;
  };

  /// Errors: not_found.
  Result<UploadId> prove(const RepositoryName& repository, std::string_view upload) const;
  [[nodiscard]] bool expired(Timestamp opened) const;
  /// Proves the id, takes the turn and finds or makes the writer. Errors: not_found, conflict, io.
  Result<OpenUpload> open(const RepositoryName& repository, std::string_view upload);

  /// Writes that the upload has ended, within a transaction; empty when no blob came of it.
  Result<void> end(WriteTransaction& transaction, std::string_view upload,
                   const std::optional<BlobInfo>& result) const;
  /// The same in a transaction of its own, after forgetting the bytes.
  Result<void> end_without_blob(BlobWriter& writer, std::string_view upload) const;

  /// Rows of ended uploads that have expired, oldest first, at most `limit`. Errors: io.
  Result<std::vector<std::string>> expired_rows(const ReadView& view, std::size_t limit) const;
  /// The names of stages that `goes` agrees to, by when their upload was opened and whether it can
  /// be resumed. Errors: io.
  Result<std::vector<std::string>> stages(
      const std::function<bool(Timestamp opened, bool resumable)>& goes) const;
  /// False when somebody works on it. Errors: io.
  Result<bool> discard_stage(const std::string& name);

  BlobStore& blobs_;
  Clock& clock_;
  const RegistryOptions options_;
  const UploadIds ids_;
  UploadTable table_;
};

}  // namespace slipway
