#include "registry/uploads.hpp"

#include <utility>
#include <vector>

#include <slipway/support/ulid.hpp>

#include "registry/rows.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

constexpr std::string_view upload_stage = "upload-";
constexpr std::string_view single_stage = "blob-";
constexpr std::string_view put_stage = "put-";  // BlobStore::put

/// How many rows of long ended uploads each further end removes: more than it adds.
constexpr std::size_t swept_at_once = 4;

/// How many a transaction removes that does nothing else.
constexpr std::size_t swept_by_collector = 256;

std::string stage_name(std::string_view upload) {
  return std::string(upload_stage).append(upload);
}

Error no_upload(const RepositoryName& repository) {
  return Error(ErrorCode::not_found,
               slipway::format("there is no such upload in {}: it has ended, has expired or "
                               "belongs to another repository; begin a new one",
                               repository.str()));
}

Error too_large(std::uint64_t limit) {
  return Error(ErrorCode::too_large,
               slipway::format("the blob is larger than the {} bytes that are allowed", limit));
}

std::string encode_result(const std::optional<BlobInfo>& result) {
  std::string value;
  if (!result) return value;
  key_space::append_number(value, result->size);
  result->digest.append_binary_to(value);
  return value;
}

Result<BlobInfo> decode_result(std::string_view value) {
  SLIPWAY_TRY(const Digest digest, Digest::from_binary(value.substr(8)));
  return BlobInfo{digest, key_space::read_number(value)};
}

}  // namespace

/// A turn to write to an upload that can go on in a later request.
class ResumableUpload final : public UploadWriter {
 public:
  ResumableUpload(Uploads& uploads, RepositoryName repository, std::string upload,
                  Uploads::OpenUpload open)
      : uploads_(uploads),
        repository_(std::move(repository)),
        upload_(std::move(upload)),
        turn_(std::move(open.turn)),
        writer_(std::move(open.writer)) {}

  ~ResumableUpload() override {
    if (writer_) (void)suspend();
  }

  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }

  Result<void> append(std::span<const std::byte> bytes) override {
    if (!writer_) return ended();
    if (bytes.size() > uploads_.options_.max_blob_bytes - writer_->size())
      return too_large(uploads_.options_.max_blob_bytes);
    return keep_or_drop(writer_->append(bytes));
  }

  Result<std::uint64_t> suspend() override {
    if (!writer_) return ended();
    SLIPWAY_CHECK(keep_or_drop(writer_->persist()));
    turn_->park(std::move(writer_));
    turn_.reset();
    return size_;
  }

  Result<BlobInfo> commit(const Digest& expected, const WriteGuard& guard) override {
    if (!writer_) return ended();
    const std::unique_ptr<BlobWriter> writer = std::move(writer_);
    return end_turn(writer.get(), writer->commit(expected, make_link(guard)));
  }

  void commit_then(const Digest& expected, WriteGuard guard,
                   std::function<void(Result<BlobInfo>)> done) override {
    if (!writer_) return done(ended());
    committing_ = std::move(writer_);
    committing_->commit_then(expected, make_link(std::move(guard)),
                             [this, done = std::move(done)](Result<BlobInfo> result) {
                               const auto writer = std::move(committing_);
                               done(end_turn(writer.get(), std::move(result)));
                             });
  }

 private:
  BlobLink make_link(WriteGuard guard) const {
    return [this, guard = std::move(guard)](WriteTransaction& transaction, const BlobInfo& blob) {
      return link(transaction, blob, guard);
    };
  }

  /// What a wrong digest costs is told within the call of commit_then, so that it may be written.
  Result<BlobInfo> end_turn(BlobWriter* writer, Result<BlobInfo> result) {
    if (!result && result.error().code == ErrorCode::digest_mismatch)
      SLIPWAY_CHECK(uploads_.end_without_blob(*writer, upload_));
    turn_.reset();
    return result;
  }

  Result<void> link(WriteTransaction& transaction, const BlobInfo& blob,
                    const WriteGuard& guard) const {
    if (guard) SLIPWAY_CHECK(guard(transaction));
    SLIPWAY_CHECK(rows::link_blob(transaction, repository_, blob, uploads_.clock_.now()));
    return uploads_.end(transaction, upload_, blob);
  }

  /// A writer that failed is not trusted further: the next turn resumes from what was persisted.
  Result<void> keep_or_drop(Result<void> result) {
    if (result) {
      size_ = writer_->size();
    } else {
      writer_.reset();
      turn_.reset();
    }
    return result;
  }

  static Error ended() {
    return Error(ErrorCode::conflict, "this turn to write to the upload has ended");
  }

  Uploads& uploads_;
  const RepositoryName repository_;
  const std::string upload_;
  std::optional<UploadTable::Turn> turn_;
  std::unique_ptr<BlobWriter> writer_;      // null once the turn has ended
  std::unique_ptr<BlobWriter> committing_;  // until commit_then is done
  std::uint64_t size_ = writer_->size();
};

/// A blob in one go: what is not committed is forgotten.
class SingleUpload final : public UploadWriter {
 public:
  SingleUpload(Uploads& uploads, RepositoryName repository, std::unique_ptr<BlobWriter> writer)
      : uploads_(uploads), repository_(std::move(repository)), writer_(std::move(writer)) {}

  ~SingleUpload() override {
    if (!committed_) (void)writer_->discard();
  }

  [[nodiscard]] std::uint64_t size() const noexcept override { return writer_->size(); }

  Result<void> append(std::span<const std::byte> bytes) override {
    if (bytes.size() > uploads_.options_.max_blob_bytes - writer_->size())
      return too_large(uploads_.options_.max_blob_bytes);
    return writer_->append(bytes);
  }

  Result<std::uint64_t> suspend() override {
    return Error(ErrorCode::unsupported, "a blob in one go cannot be continued");
  }

  Result<BlobInfo> commit(const Digest& expected, const WriteGuard& guard) override {
    Result<BlobInfo> result = writer_->commit(expected, make_link(guard));
    committed_ = result.ok();
    return result;
  }

  void commit_then(const Digest& expected, WriteGuard guard,
                   std::function<void(Result<BlobInfo>)> done) override {
    writer_->commit_then(expected, make_link(std::move(guard)),
                         [this, done = std::move(done)](Result<BlobInfo> result) {
                           committed_ = result.ok();
                           done(std::move(result));
                         });
  }

 private:
  BlobLink make_link(WriteGuard guard) const {
    return [this, guard = std::move(guard)](WriteTransaction& transaction,
                                            const BlobInfo& blob) -> Result<void> {
      if (guard) SLIPWAY_CHECK(guard(transaction));
      return rows::link_blob(transaction, repository_, blob, uploads_.clock_.now());
    };
  }

  Uploads& uploads_;
  const RepositoryName repository_;
  const std::unique_ptr<BlobWriter> writer_;
  bool committed_ = false;
};

Uploads::Uploads(BlobStore& blobs, Clock& clock, const RegistryOptions& options, std::string key)
    : blobs_(blobs),
      clock_(clock),
      options_(options),
      ids_(std::move(key)),
      table_(options.max_parked_uploads) {}

std::string Uploads::begin_upload(const RepositoryName& repository, DigestAlgorithm algorithm) {
  return ids_.make(repository, algorithm, clock_.now());
}

bool Uploads::expired(Timestamp opened) const {
  return opened + options_.upload_lifetime <= clock_.now();
}

Result<UploadId> Uploads::prove(const RepositoryName& repository, std::string_view upload) const {
  const auto id = ids_.check(repository, upload);
  if (!id || expired(id->opened)) return no_upload(repository);
  return *id;
}

Result<void> Uploads::check_upload(const RepositoryName& repository, std::string_view upload) {
  SLIPWAY_CHECK(prove(repository, upload));
  SLIPWAY_TRY(const auto view, blobs_.metadata().snapshot());
  SLIPWAY_TRY(const auto ended, view->get(rows::ended_upload(upload)));
  if (ended) return no_upload(repository);
  return {};
}

Result<Uploads::OpenUpload> Uploads::open(const RepositoryName& repository,
                                          std::string_view upload) {
  SLIPWAY_TRY(const UploadId id, prove(repository, upload));
  std::optional<UploadTable::Turn> turn = table_.take_turn(std::string(upload));
  if (!turn)
    return Error(ErrorCode::conflict,
                 slipway::format("another request is writing to this upload in {}; ask how far it "
                                 "got and go on from there",
                                 repository.str()));
  if (std::unique_ptr<BlobWriter> writer = turn->take_writer())
    return OpenUpload{std::move(*turn), std::move(writer)};

  SLIPWAY_CHECK(check_upload(repository, upload));
  const std::string stage = stage_name(upload);
  auto resumed = blobs_.resume(stage, id.algorithm);
  if (resumed) {
    turn->set_persisted((*resumed)->size());
    return OpenUpload{std::move(*turn), std::move(*resumed)};
  }
  if (resumed.error().code != ErrorCode::not_found) return std::move(resumed).error();
  return OpenUpload{std::move(*turn), blobs_.begin(stage, id.algorithm)};
}

Result<std::uint64_t> Uploads::upload_size(const RepositoryName& repository,
                                           std::string_view upload) {
  SLIPWAY_CHECK(prove(repository, upload));
  if (const auto known = table_.persisted_size(std::string(upload))) return *known;
  auto opened = open(repository, upload);
  if (!opened && opened.error().code == ErrorCode::conflict)  // taken since we looked
    return table_.persisted_size(std::string(upload)).value_or(0);
  if (!opened) return std::move(opened).error();
  const std::uint64_t size = opened->writer->size();
  if (size > 0) opened->turn.park(std::move(opened->writer));
  return size;
}

Result<std::unique_ptr<UploadWriter>> Uploads::write_upload(const RepositoryName& repository,
                                                            std::string_view upload,
                                                            std::optional<std::uint64_t> offset) {
  SLIPWAY_TRY(OpenUpload opened, open(repository, upload));
  const std::uint64_t size = opened.writer->size();
  if (offset && *offset != size) {
    if (size > 0) opened.turn.park(std::move(opened.writer));
    return Error(ErrorCode::range_mismatch,
                 slipway::format("the upload in {} stands at byte {}, not at {}; send what follows",
                                 repository.str(), size, *offset));
  }
  return std::unique_ptr<UploadWriter>(std::make_unique<ResumableUpload>(
      *this, repository, std::string(upload), std::move(opened)));
}

std::unique_ptr<UploadWriter> Uploads::write_blob(const RepositoryName& repository,
                                                  DigestAlgorithm algorithm) {
  const std::string stage = std::string(single_stage).append(make_ulid(clock_.now()));
  return std::make_unique<SingleUpload>(*this, repository, blobs_.begin(stage, algorithm));
}

Result<BlobInfo> Uploads::upload_result(const RepositoryName& repository,
                                        std::string_view upload) {
  SLIPWAY_CHECK(prove(repository, upload));
  SLIPWAY_TRY(const auto view, blobs_.metadata().snapshot());
  SLIPWAY_TRY(const auto ended, view->get(rows::ended_upload(upload)));
  if (!ended || ended->empty()) return no_upload(repository);
  return decode_result(*ended);
}

Result<void> Uploads::cancel_upload(const RepositoryName& repository, std::string_view upload) {
  SLIPWAY_TRY(const OpenUpload opened, open(repository, upload));
  return end_without_blob(*opened.writer, upload);
}

Result<void> Uploads::end_without_blob(BlobWriter& writer, std::string_view upload) const {
  SLIPWAY_CHECK(blobs_.metadata().write([&](WriteTransaction& transaction) {
    return end(transaction, upload, std::nullopt);
  }));
  return writer.discard();
}

Result<void> Uploads::end(WriteTransaction& transaction, std::string_view upload,
                          const std::optional<BlobInfo>& result) const {
  SLIPWAY_TRY(const auto old, expired_rows(transaction, swept_at_once));
  for (const std::string& key : old) SLIPWAY_CHECK(transaction.erase(key));
  return transaction.put(rows::ended_upload(upload), encode_result(result));
}

Result<std::vector<std::string>> Uploads::expired_rows(const ReadView& view,
                                                       std::size_t limit) const {
  std::vector<std::string> keys;
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(bool found, cursor->seek(key_space::ended_upload));
  while (found && keys.size() < limit && cursor->key().starts_with(key_space::ended_upload)) {
    const auto opened = ulid_time(cursor->key().substr(key_space::ended_upload.size(), ulid_size));
    if (opened && !expired(*opened)) break;  // rows are in the order of their opening
    keys.emplace_back(cursor->key());
    SLIPWAY_TRY(found, cursor->next());
  }
  return keys;
}

Result<std::vector<std::string>> Uploads::stages(
    const std::function<bool(Timestamp, bool)>& goes) const {
  std::vector<std::string> names;
  const auto visit = [&](const ObjectStore::StageInfo& stage) {
    const std::string_view name = stage.name;
    for (const std::string_view prefix : {upload_stage, single_stage, put_stage}) {
      if (!name.starts_with(prefix)) continue;
      const auto opened = ulid_time(name.substr(prefix.size(), ulid_size));
      if (opened && goes(*opened, prefix == upload_stage)) names.push_back(stage.name);
    }
    return true;
  };
  SLIPWAY_CHECK(blobs_.objects().for_each_stage(visit));
  return names;
}

Result<bool> Uploads::discard_stage(const std::string& name) {
  const bool resumable = name.starts_with(upload_stage);
  auto turn = resumable ? table_.take_turn(name.substr(upload_stage.size())) : std::nullopt;
  if (resumable && !turn) return false;
  const auto writer = turn ? turn->take_writer() : nullptr;
  if (writer) SLIPWAY_CHECK(writer->discard());
  auto stage = blobs_.objects().open_stage(name);
  if (!stage && stage.error().code == ErrorCode::not_found) return true;
  if (!stage) return std::move(stage).error();
  SLIPWAY_CHECK((*stage)->discard());
  return true;
}

Result<void> Uploads::discard_stages_of_earlier_processes() {
  const Timestamp start = clock_.now();
  SLIPWAY_TRY(const auto names, stages([&](Timestamp opened, bool resumable) {
    return resumable ? expired(opened) : opened < start;
  }));
  for (const std::string& name : names) SLIPWAY_CHECK(discard_stage(name));
  return {};
}

Result<std::uint64_t> Uploads::discard_expired(const std::stop_token& stop) {
  const auto check = [&stop]() -> Result<void> {
    if (stop.stop_requested()) return Error(ErrorCode::cancelled, "told to stop");
    return {};
  };
  std::uint64_t discarded = 0;
  SLIPWAY_TRY(const auto names, stages([this](Timestamp opened, bool) { return expired(opened); }));
  for (const std::string& name : names) {
    SLIPWAY_CHECK(check());
    SLIPWAY_TRY(const bool gone, discard_stage(name));
    if (gone) ++discarded;
  }
  std::size_t erased = 0;
  const auto sweep = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const auto old, expired_rows(transaction, swept_by_collector));
    for (const std::string& key : old) SLIPWAY_CHECK(transaction.erase(key));
    erased = old.size();
    return {};
  };
  do {
    SLIPWAY_CHECK(check());
    SLIPWAY_CHECK(blobs_.metadata().write(sweep));
    discarded += erased;
  } while (erased == swept_by_collector);
  return discarded;
}

}  // namespace slipway
