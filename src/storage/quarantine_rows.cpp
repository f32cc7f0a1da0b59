#include "storage/quarantine_rows.hpp"

#include <chrono>
#include <string>

#include "storage/key_space.hpp"

namespace slipway {

namespace {

using key_space::Key;

constexpr std::size_t found_at = 8;
constexpr std::size_t name_size_at = 16;
constexpr std::size_t name_at = 24;

Key key_of(const Digest& digest) { return Key(key_space::quarantined_blob).digest(digest); }

Result<QuarantinedBlob> decode(const Digest& digest, std::string_view value) {
  const Error malformed(ErrorCode::corrupt,
                        "quarantined blob " + digest.to_string() + ": its row is malformed");
  if (value.size() < name_at) return malformed;
  const std::uint64_t name_size = key_space::read_number(value, name_size_at);
  if (name_size > value.size() - name_at) return malformed;
  const auto milliseconds = static_cast<std::int64_t>(key_space::read_number(value, found_at));
  const auto name_end = static_cast<std::size_t>(name_at + name_size);
  return QuarantinedBlob{digest, key_space::read_number(value),
                         Timestamp(std::chrono::milliseconds(milliseconds)),
                         std::string(value.substr(name_at, name_end - name_at)),
                         std::string(value.substr(name_end))};
}

}  // namespace

Result<std::optional<QuarantinedBlob>> find_quarantine(const ReadView& view, const Digest& digest) {
  SLIPWAY_TRY(const auto value, view.get(key_of(digest)));
  if (!value) return std::optional<QuarantinedBlob>();
  SLIPWAY_TRY(QuarantinedBlob blob, decode(digest, *value));
  return std::optional(std::move(blob));
}

Result<std::vector<QuarantinedBlob>> list_quarantine(const ReadView& view) {
  std::vector<QuarantinedBlob> all;
  SLIPWAY_TRY(const auto cursor, view.cursor());
  SLIPWAY_TRY(bool found, cursor->seek(key_space::quarantined_blob));
  while (found && cursor->key().starts_with(key_space::quarantined_blob)) {
    SLIPWAY_TRY(const Digest digest,
                Digest::from_binary(cursor->key().substr(key_space::quarantined_blob.size())));
    SLIPWAY_TRY(QuarantinedBlob blob, decode(digest, cursor->value()));
    all.push_back(std::move(blob));
    SLIPWAY_TRY(found, cursor->next());
  }
  return all;
}

Result<void> write_quarantine(WriteTransaction& transaction, const QuarantinedBlob& blob) {
  std::string value;
  key_space::append_number(value, blob.size);
  key_space::append_number(value,
                           static_cast<std::uint64_t>(blob.found.time_since_epoch().count()));
  key_space::append_number(value, blob.kept_as.size());
  value.append(blob.kept_as).append(blob.why);
  transaction.notify(quarantine_topic);
  return transaction.put(key_of(blob.digest), value);
}

Result<void> end_quarantine(WriteTransaction& transaction, const Digest& digest) {
  SLIPWAY_TRY(const bool was_there, transaction.erase(key_of(digest)));
  if (was_there) transaction.notify(quarantine_topic);
  return {};
}

}  // namespace slipway
