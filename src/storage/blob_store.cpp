#include <slipway/storage/blob_store.hpp>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>
#include <vector>

#include <slipway/support/hasher.hpp>
#include <slipway/support/ulid.hpp>

#include "storage/blob_rows.hpp"
#include "storage/blob_store_state.hpp"
#include "storage/blob_writer.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

Error no_blob(const Digest& digest) {
  return Error(ErrorCode::not_found,
               slipway::format("blob {} is not in the store", digest.to_string()));
}

}  // namespace

BlobStore::BlobStore(MetadataStore& metadata, ObjectStore& objects, Clock& clock,
                     BlobStoreOptions options)
    : state_(new State{
          metadata, objects, clock, std::min(options.inline_limit, max_value_size), {}}) {}

BlobStore::~BlobStore() = default;

MetadataStore& BlobStore::metadata() const noexcept {
  return state_->metadata;
}
ObjectStore& BlobStore::objects() const noexcept {
  return state_->objects;
}

Result<BlobInfo> BlobStore::stat(const Digest& digest) const {
  SLIPWAY_TRY(const auto view, state_->metadata.snapshot());
  SLIPWAY_TRY(const auto info, find(*view, digest));
  if (!info) return no_blob(digest);
  return *info;
}

Result<std::optional<BlobInfo>> BlobStore::find(const ReadView& view, const Digest& digest) const {
  SLIPWAY_TRY(const auto record, find_record(view, digest));
  if (!record) return std::optional<BlobInfo>();
  return std::optional(BlobInfo{digest, record->size});
}

Result<Blob> BlobStore::open(const Digest& digest) const {
  SLIPWAY_TRY(const auto view, state_->metadata.snapshot());
  return open(*view, digest);
}

Result<Blob> BlobStore::open(const ReadView& view, const Digest& digest) const {
  SLIPWAY_TRY(const auto record, find_record(view, digest));
  if (!record) return no_blob(digest);
  const BlobInfo info{digest, record->size};
  if (record->place == BlobPlace::value) {
    SLIPWAY_TRY(const std::string_view bytes, read_content(view, digest, *record));
    return Blob{info, std::string(bytes)};
  }

  auto object = state_->objects.open(object_key(digest));
  if (!object && object.error().code == ErrorCode::not_found) {
    // The view may be older than the blob's removal: the present tells which it is.
    SLIPWAY_CHECK(stat(digest));
    return Error(ErrorCode::corrupt,
                 slipway::format("blob {}: its object is missing; restore it from a backup or "
                                 "push it again",
                                 digest.to_string()));
  }
  if (!object) return std::move(object).error();
  if ((*object)->size() != record->size)
    return Error(ErrorCode::corrupt,
                 slipway::format("blob {}: its object has {} of {} bytes; restore it from a backup",
                                 digest.to_string(), (*object)->size(), record->size));
  return Blob{info, std::move(*object)};
}

Result<std::optional<std::string_view>> BlobStore::inline_bytes(const ReadView& view,
                                                                const Digest& digest) const {
  return find_content(view, digest);
}

Result<std::string> BlobStore::read(const Digest& digest, std::uint64_t limit) const {
  SLIPWAY_TRY(Blob blob, open(digest));
  if (blob.info.size > limit)
    return Error(ErrorCode::too_large,
                 slipway::format("blob {} has {} bytes, more than the {} that are read at once",
                                 digest.to_string(), blob.info.size, limit));
  if (auto* bytes = std::get_if<std::string>(&blob.content)) return std::move(*bytes);
  const auto& object = std::get<std::shared_ptr<const Object>>(blob.content);
  std::string bytes(static_cast<std::size_t>(blob.info.size), '\0');
  SLIPWAY_TRY(const std::size_t count,
              object->read_at(0, std::as_writable_bytes(std::span(bytes))));
  if (count != bytes.size())
    return Error(ErrorCode::corrupt,
                 slipway::format("blob {}: its object ends after {} of {} bytes",
                                 digest.to_string(), count, bytes.size()));
  return bytes;
}

Result<BlobInfo> BlobStore::put(std::string_view bytes) {
  const Digest digest = digest_of(bytes);
  if (bytes.size() <= state_->inline_limit) {
    SLIPWAY_CHECK(state_->metadata.write(
        [&](WriteTransaction& transaction) { return put(transaction, digest, bytes); }));
    return BlobInfo{digest, bytes.size()};
  }

  const auto writer = begin("put-" + make_ulid(state_->clock.now()));
  Result<void> appended = writer->append(std::as_bytes(std::span(bytes)));
  Result<BlobInfo> info = appended ? writer->commit(digest, {}) : std::move(appended).error();
  if (!info) (void)writer->discard();  // the first error is the one to tell
  return info;
}

Result<void> BlobStore::put(WriteTransaction& transaction, const Digest& digest,
                            std::string_view bytes) {
  return write_value(transaction, digest, bytes, state_->clock.now());
}

Result<void> BlobStore::renew(WriteTransaction& transaction, const Digest& digest) {
  SLIPWAY_TRY(auto record, find_record(transaction, digest));
  if (!record) return no_blob(digest);
  record->renewed_at = state_->clock.now();
  return update_record(transaction, digest, *record);
}

Result<bool> BlobStore::remove(const Digest& digest, const BlobCondition& may_go) {
  SLIPWAY_TRY(RemovedBlobs removed, remove(std::span(&digest, 1), may_go));
  if (removed.left_behind) return std::move(*removed.left_behind);
  return removed.count > 0;
}

Result<RemovedBlobs> BlobStore::remove(std::span<const Digest> digests,
                                       const BlobCondition& may_go) {
  // In one order, so that two who hold several never wait for each other.
  const std::set<Digest> ordered(digests.begin(), digests.end());
  std::deque<DigestLocks::Guard> guards;
  for (const Digest& digest : ordered) guards.emplace_back(state_->locks, digest);

  RemovedBlobs removed;
  std::vector<Digest> objects;
  const auto erase = [&](WriteTransaction& transaction) -> Result<void> {
    removed = {};
    objects.clear();
    for (const Digest& digest : ordered) {
      SLIPWAY_TRY(const auto record, find_record(transaction, digest));
      if (!record) continue;
      SLIPWAY_TRY(const bool goes,
                  may_go(transaction, BlobInfo{digest, record->size}, record->renewed_at));
      if (!goes) continue;
      SLIPWAY_CHECK(erase_rows(transaction, digest, *record));
      ++removed.count;
      removed.bytes += record->size;
      if (record->place == BlobPlace::object) objects.push_back(digest);
    }
    return {};
  };
  SLIPWAY_CHECK(state_->metadata.write(erase));
  for (const Digest& digest : objects) {
    auto unlinked = state_->objects.remove(object_key(digest));
    if (!unlinked && !removed.left_behind) removed.left_behind = std::move(unlinked).error();
  }
  return removed;
}

Result<std::optional<std::uint64_t>> BlobStore::remove_orphan(std::string_view key) {
  const auto digest = digest_of_object(key);
  if (!digest) return std::optional<std::uint64_t>();
  const DigestLocks::Guard guard(state_->locks, *digest);  // nobody is between publishing and row
  {
    SLIPWAY_TRY(const auto view, state_->metadata.snapshot());
    SLIPWAY_TRY(const auto record, find_record(*view, *digest));
    if (record && record->place == BlobPlace::object) return std::optional<std::uint64_t>();
  }
  auto object = state_->objects.open(key);
  if (!object && object.error().code == ErrorCode::not_found) return std::optional<std::uint64_t>();
  if (!object) return std::move(object).error();
  const std::uint64_t size = (*object)->size();
  SLIPWAY_CHECK(state_->objects.remove(key));
  return std::optional(size);
}

Result<bool> BlobStore::is_orphan(const ReadView& view, std::string_view key) const {
  const auto digest = digest_of_object(key);
  if (!digest) return false;
  SLIPWAY_TRY(const auto record, find_record(view, *digest));
  return !record || record->place != BlobPlace::object;
}

std::unique_ptr<BlobWriter> BlobStore::begin(std::string_view stage_name,
                                             DigestAlgorithm algorithm) {
  return std::make_unique<StagedBlobWriter>(*state_, stage_name, algorithm);
}

Result<std::unique_ptr<BlobWriter>> BlobStore::resume(std::string_view stage_name,
                                                      DigestAlgorithm algorithm) {
  auto writer = std::make_unique<StagedBlobWriter>(*state_, stage_name, algorithm);
  SLIPWAY_CHECK(writer->open_stage());
  return std::unique_ptr<BlobWriter>(std::move(writer));
}

}  // namespace slipway
