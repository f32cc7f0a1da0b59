#include "storage/blob_rows.hpp"

#include "storage/key_space.hpp"
#include "storage/quarantine_rows.hpp"
#include "storage/totals.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

using key_space::Key;

constexpr std::size_t place_at = 8;
constexpr std::size_t renewed_at_at = 9;
constexpr std::size_t row_size = 17;

Key info_key(const Digest& digest) {
  return Key(key_space::blob).digest(digest);
}
Key content_key(const Digest& digest) {
  return info_key(digest).text(key_space::blob_content);
}

Error corrupt(const Digest& digest, std::string_view what) {
  return Error(ErrorCode::corrupt,
               slipway::format("blob {}: {}; restore it from a backup or push it again",
                               digest.to_string(), what));
}

}  // namespace

Result<std::optional<BlobRecord>> find_record(const ReadView& view, const Digest& digest) {
  SLIPWAY_TRY(const auto row, view.get(info_key(digest)));
  if (!row) return std::optional<BlobRecord>();
  if (row->size() != row_size)
    return corrupt(digest, slipway::format("its row has {} bytes, not {}", row->size(), row_size));

  BlobRecord record;
  record.size = key_space::read_number(*row);
  record.place = static_cast<BlobPlace>((*row)[place_at]);
  if (record.place != BlobPlace::value && record.place != BlobPlace::object)
    return corrupt(digest, "its row names an unknown place");
  const auto milliseconds = static_cast<std::int64_t>(key_space::read_number(*row, renewed_at_at));
  record.renewed_at = Timestamp(std::chrono::milliseconds(milliseconds));
  return std::optional(record);
}

Result<std::optional<std::string_view>> find_content(const ReadView& view, const Digest& digest) {
  return view.get(content_key(digest));
}

Result<std::string_view> read_content(const ReadView& view, const Digest& digest,
                                      const BlobRecord& record) {
  SLIPWAY_TRY(const auto bytes, find_content(view, digest));
  if (!bytes) return corrupt(digest, "its bytes are missing in the metadata store");
  if (bytes->size() != record.size)
    return corrupt(digest, slipway::format("the metadata store has {} of its {} bytes",
                                           bytes->size(), record.size));
  return *bytes;
}

Result<void> insert_record(WriteTransaction& transaction, const Digest& digest,
                           const BlobRecord& record) {
  SLIPWAY_CHECK(totals::add(transaction, totals::blobs, 1, static_cast<std::int64_t>(record.size)));
  return update_record(transaction, digest, record);
}

Result<void> update_record(WriteTransaction& transaction, const Digest& digest,
                           const BlobRecord& record) {
  std::string row;
  row.reserve(row_size);
  key_space::append_number(row, record.size);
  row.push_back(static_cast<char>(record.place));
  const std::int64_t milliseconds = record.renewed_at.time_since_epoch().count();
  key_space::append_number(row, static_cast<std::uint64_t>(milliseconds));
  return transaction.put(info_key(digest), row);
}

Result<void> write_value(WriteTransaction& transaction, const Digest& digest,
                         std::string_view bytes, Timestamp now) {
  SLIPWAY_TRY(auto record, find_record(transaction, digest));
  if (!record) {
    SLIPWAY_CHECK(transaction.put(content_key(digest), bytes));
    SLIPWAY_CHECK(end_quarantine(transaction, digest));
    return insert_record(transaction, digest, BlobRecord{bytes.size(), BlobPlace::value, now});
  }
  if (record->place == BlobPlace::value) {
    SLIPWAY_TRY(const auto content, find_content(transaction, digest));
    if (!content || content->size() != bytes.size())  // damaged, and nobody has noticed
      SLIPWAY_CHECK(transaction.put(content_key(digest), bytes));
  }
  record->renewed_at = now;
  return update_record(transaction, digest, *record);
}

Result<void> erase_rows(WriteTransaction& transaction, const Digest& digest,
                        const BlobRecord& record) {
  SLIPWAY_CHECK(
      totals::add(transaction, totals::blobs, -1, -static_cast<std::int64_t>(record.size)));
  SLIPWAY_CHECK(transaction.erase(info_key(digest)));
  SLIPWAY_CHECK(transaction.erase(content_key(digest)));
  return {};
}

std::string object_key(const Digest& digest) {
  std::string key(to_string(digest.algorithm()));
  key.push_back('-');
  append_hex(key, digest.hash());
  return key;
}

std::optional<Digest> digest_of_object(std::string_view key) {
  std::string text(key);
  if (const std::size_t dash = text.find('-'); dash != std::string::npos) text[dash] = ':';
  const auto digest = Digest::parse(text);
  return digest ? std::optional(*digest) : std::nullopt;
}

}  // namespace slipway
