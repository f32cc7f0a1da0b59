// What BlobStore does about bytes that are not what was written.

#include <algorithm>
#include <utility>
#include <vector>

#include <slipway/storage/blob_store.hpp>
#include <slipway/support/hasher.hpp>
#include <slipway/support/ulid.hpp>

#include "storage/blob_rows.hpp"
#include "storage/blob_store_state.hpp"
#include "storage/key_space.hpp"
#include "storage/quarantine_rows.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

using Bytes = BlobCheck::State;

constexpr std::size_t piece_size = std::size_t{1} << 20U;

BlobCheck compare(const Digest& expected, const Digest& actual, std::uint64_t size) {
  if (actual == expected) return {Bytes::sound, size, {}};
  return {Bytes::damaged, size, slipway::format("its bytes are those of {}", actual.to_string())};
}

/// Of a blob that is a value of the view. Errors: io.
Result<BlobCheck> check_value(const ReadView& view, const Digest& digest,
                              const BlobRecord& record) {
  SLIPWAY_TRY(const auto bytes, find_content(view, digest));
  if (!bytes) return BlobCheck{Bytes::damaged, record.size, "its bytes are missing"};
  if (bytes->size() != record.size)
    return BlobCheck{Bytes::damaged, record.size,
                     slipway::format("there are {} of its {} bytes", bytes->size(), record.size)};
  return compare(digest, digest_of(*bytes, digest.algorithm()), record.size);
}

/// Errors: those of `read`.
Result<BlobCheck> check_object(ObjectStore& objects, const Digest& digest, std::uint64_t size,
                               const BytesRead& read) {
  const auto object = objects.open(object_key(digest));
  if (!object && object.error().code == ErrorCode::not_found)
    return BlobCheck{Bytes::damaged, size, "its object is missing"};
  if (!object) return BlobCheck{Bytes::unreadable, size, object.error().message};
  if ((*object)->size() != size)
    return BlobCheck{Bytes::damaged, size,
                     slipway::format("its object has {} of its {} bytes", (*object)->size(), size)};

  Hasher hasher(digest.algorithm());
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::uint64_t>(size, piece_size)));
  for (std::uint64_t offset = 0; offset < size;) {
    const auto count = (*object)->read_once_at(offset, piece);
    if (!count) return BlobCheck{Bytes::unreadable, size, count.error().message};
    if (*count == 0)
      return BlobCheck{Bytes::damaged, size,
                       slipway::format("its object ends after {} of its {} bytes", offset, size)};
    hasher.update(std::span(piece).first(*count));
    offset += *count;
    if (read) SLIPWAY_CHECK(read(*count));
  }
  return compare(digest, hasher.finish(), size);
}

}  // namespace

Result<BlobCheck> BlobStore::check(const Digest& digest, const BytesRead& read) const {
  BlobRecord record;
  {
    SLIPWAY_TRY(const auto view, state_->metadata.snapshot());
    SLIPWAY_TRY(const auto found, find_record(*view, digest));
    if (!found) return BlobCheck{};
    record = *found;
    if (record.place == BlobPlace::value) {
      SLIPWAY_TRY(BlobCheck checked, check_value(*view, digest, record));
      if (read) SLIPWAY_CHECK(read(record.size));
      return checked;
    }
  }
  return check_object(state_->objects, digest, record.size, read);
}

Result<std::optional<QuarantinedBlob>> BlobStore::quarantine(const Digest& digest) {
  const DigestLocks::Guard guard(state_->locks, digest);  // objects neither come nor go
  QuarantinedBlob blob{digest, 0, state_->clock.now(), {}, {}};
  const std::string aside = object_key(digest) + "." + make_ulid(blob.found);
  BlobPlace place{};
  {
    SLIPWAY_TRY(const auto view, state_->metadata.snapshot());
    SLIPWAY_TRY(const auto record, find_record(*view, digest));
    if (!record) return std::optional<QuarantinedBlob>();
    place = record->place;
    SLIPWAY_TRY(const BlobCheck checked,
                place == BlobPlace::value
                    ? check_value(*view, digest, *record)
                    : check_object(state_->objects, digest, record->size, {}));
    if (checked.state != Bytes::damaged) return std::optional<QuarantinedBlob>();
    blob.size = checked.size;
    blob.why = checked.why;
    if (place == BlobPlace::value) {
      SLIPWAY_TRY(const auto bytes, find_content(*view, digest));
      if (bytes) {
        SLIPWAY_CHECK(state_->objects.set_aside(std::as_bytes(std::span(*bytes)), aside));
        blob.kept_as = aside;
      }
    }
  }
  if (place == BlobPlace::object) {
    const Result<void> kept = state_->objects.set_aside(object_key(digest), aside);
    if (!kept && kept.error().code != ErrorCode::not_found) return kept.error();
    if (kept) blob.kept_as = aside;
  }

  bool taken = false;
  const auto take_out = [&](WriteTransaction& transaction) -> Result<void> {
    taken = false;
    SLIPWAY_TRY(const auto record, find_record(transaction, digest));
    if (!record || record->place != place) return {};
    if (place == BlobPlace::value) {  // values come and go without the lock
      SLIPWAY_TRY(const BlobCheck checked, check_value(transaction, digest, *record));
      if (checked.state != Bytes::damaged) return {};
    }
    SLIPWAY_CHECK(erase_rows(transaction, digest, *record));
    SLIPWAY_CHECK(write_quarantine(transaction, blob));
    taken = true;
    return {};
  };
  SLIPWAY_CHECK(state_->metadata.write(take_out));
  if (!taken) return std::optional<QuarantinedBlob>();
  if (place == BlobPlace::object) SLIPWAY_CHECK(state_->objects.remove(object_key(digest)));
  return std::optional(std::move(blob));
}

Result<std::optional<QuarantinedBlob>> BlobStore::find_quarantined(const ReadView& view,
                                                                   const Digest& digest) const {
  return find_quarantine(view, digest);
}

Result<std::vector<QuarantinedBlob>> BlobStore::quarantined() const {
  SLIPWAY_TRY(const auto view, state_->metadata.snapshot());
  return list_quarantine(*view);
}

Result<std::vector<Digest>> BlobStore::digests(const std::optional<Digest>& last,
                                               std::size_t limit) const {
  std::vector<Digest> found;
  std::string after(key_space::blob);
  if (last) after = key_space::Key(key_space::blob).digest(*last).str() + '\xff';
  SLIPWAY_TRY(const auto view, state_->metadata.snapshot());
  SLIPWAY_TRY(const auto cursor, view->cursor());
  SLIPWAY_TRY(bool more, cursor->seek(after));
  while (more && found.size() < limit && cursor->key().starts_with(key_space::blob)) {
    const std::string_view key = cursor->key().substr(key_space::blob.size());
    const auto digest = Digest::from_binary(key);
    if (digest) found.push_back(*digest);  // else it is the row of a blob's bytes
    SLIPWAY_TRY(more, cursor->next());
  }
  return found;
}

}  // namespace slipway
