#include "storage/sealed_rows.hpp"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include <slipway/support/hasher.hpp>

#include "storage/key_space.hpp"

namespace slipway::sealed_rows {
namespace {

constexpr std::array secret_kinds{key_space::trigger, key_space::secret_key,
                                  key_space::build_secrets, key_space::notification};
constexpr std::string_view lock_text = "slipway";
constexpr std::size_t random_key_size = 32;

/// The secret of a row as it is, sealed or, as format 1 kept it, clear.
Result<std::string> secret_of(const Sealer& sealer, std::string_view key, std::string_view value) {
  if (!Sealer::is_sealed(value)) return std::string(value);
  return sealer.open(value, key);
}

/// The rows that are not sealed with the current key, with their secrets.
using Secrets = std::vector<std::pair<std::string, std::string>>;
Result<Secrets> outdated_rows(const ReadView& view, const Sealer& sealer) {
  Secrets outdated;
  SLIPWAY_TRY(const auto cursor, view.cursor());
  for (const std::string_view kind : secret_kinds) {
    SLIPWAY_TRY(bool found, cursor->seek(kind));
    while (found && cursor->key().starts_with(kind)) {
      const std::string_view value = cursor->value();
      if (!Sealer::is_sealed(value) || !sealer.is_current(value, cursor->key())) {
        SLIPWAY_TRY(std::string secret, secret_of(sealer, cursor->key(), value));
        outdated.emplace_back(cursor->key(), std::move(secret));
      }
      SLIPWAY_TRY(found, cursor->next());
    }
  }
  return outdated;
}

}  // namespace

Result<std::optional<std::string>> get(const ReadView& view, const Sealer& sealer,
                                       std::string_view key) {
  SLIPWAY_TRY(const auto value, view.get(key));
  if (!value) return std::optional<std::string>();
  SLIPWAY_TRY(std::string secret, sealer.open(*value, key));
  return std::optional(std::move(secret));
}

Result<void> put(WriteTransaction& transaction, const Sealer& sealer, std::string_view key,
                 std::string_view secret) {
  return transaction.put(key, sealer.seal(secret, key));
}

Result<std::string> random_key(MetadataStore& metadata, std::string_view name) {
  const std::string row(std::string_view(key_space::Key(key_space::secret_key).text(name)));
  std::optional<std::string> key;
  {
    SLIPWAY_TRY(const auto view, metadata.snapshot());
    SLIPWAY_TRY(key, get(*view, metadata.sealer(), row));
  }
  if (!key) {
    std::array<std::uint8_t, random_key_size> fresh{};
    fill_random(fresh);
    const auto keep_one = [&](WriteTransaction& transaction) -> Result<void> {
      SLIPWAY_TRY(key, get(transaction, metadata.sealer(), row));
      if (key) return {};
      key = std::string(fresh.begin(), fresh.end());
      return put(transaction, metadata.sealer(), row, *key);
    };
    SLIPWAY_CHECK(metadata.write(keep_one));
  }
  if (key->size() != random_key_size)
    return Error(ErrorCode::corrupt,
                 "the store's key \"" + std::string(name) + "\" is not of 32 bytes");
  return std::move(*key);
}

Result<Lock> try_lock(const ReadView& view, const Sealer& sealer) {
  SLIPWAY_TRY(const auto value, view.get(key_space::seal_lock));
  if (!value) return Lock::none;
  SLIPWAY_TRY(const std::string text, sealer.open(*value, key_space::seal_lock));
  if (text != lock_text) return Error(ErrorCode::corrupt, "the row that proves the key is malformed");
  return sealer.is_current(*value, key_space::seal_lock) ? Lock::fits : Lock::previous;
}

Result<void> seal_secret_rows(MetadataStore& metadata) {
  const Sealer& sealer = metadata.sealer();
  return metadata.write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const Secrets outdated, outdated_rows(transaction, sealer));
    for (const auto& [key, secret] : outdated) SLIPWAY_CHECK(put(transaction, sealer, key, secret));
    return put(transaction, sealer, key_space::seal_lock, lock_text);
  });
}

}  // namespace slipway::sealed_rows
