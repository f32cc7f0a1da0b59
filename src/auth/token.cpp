#include <slipway/auth/token.hpp>

#include <mutex>
#include <unordered_map>

#include <slipway/support/hasher.hpp>
#include <slipway/support/ulid.hpp>

#include "auth/token_json.hpp"
#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

using key_space::Key;

constexpr std::string_view secret_prefix = "slp_";
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t secret_size = secret_prefix.size() + 2 * secret_bytes;
constexpr std::size_t max_name_size = 100;

/// How many tokens are kept parsed; beyond that all are forgotten and read again.
constexpr std::size_t most_parsed = 4096;

constexpr char reference_letter = 't';

bool has_form_of_secret(std::string_view text) noexcept {
  return text.size() == secret_size && text.starts_with(secret_prefix);
}

Key row_of(const Digest& hash) { return Key(key_space::token_by_hash).digest(hash); }
Key row_of(std::string_view id) { return Key(key_space::token_hash).text(id); }

}  // namespace

/// What rows said when they were last parsed. A row is always read; only equal bytes are trusted,
/// so that a token that was revoked, by whomever, is gone with its row.
class TokenStore::Parsed {
 public:
  struct Known {
    Identity identity;
    std::optional<Timestamp> expires;
  };

  Result<std::shared_ptr<const Known>> parse(const Digest& hash, std::string_view row) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = tokens_.find(hash);
      if (found != tokens_.end() && found->second.row == row) return found->second.known;
    }
    SLIPWAY_TRY(Token token, token_from_json(row));
    Identity identity;
    identity.kind = Identity::Kind::token;
    identity.name = std::move(token.name);
    identity.grants = std::move(token.grants);
    auto known = std::make_shared<const Known>(Known{std::move(identity), token.expires});
    const std::lock_guard lock(mutex_);
    if (tokens_.size() >= most_parsed) tokens_.clear();
    tokens_.insert_or_assign(hash, Entry{std::string(row), known});
    return known;
  }

  void forget(const Digest& hash) {
    const std::lock_guard lock(mutex_);
    tokens_.erase(hash);
  }

 private:
  struct Entry {
    std::string row;
    std::shared_ptr<const Known> known;
  };

  std::mutex mutex_;
  std::unordered_map<Digest, Entry> tokens_;  // guarded by mutex_
};

TokenStore::TokenStore(MetadataStore& metadata, Clock& clock)
    : metadata_(metadata), clock_(clock), parsed_(std::make_unique<Parsed>()) {}

TokenStore::~TokenStore() = default;

Result<TokenStore::Created> TokenStore::create(std::string_view name, std::vector<Grant> grants,
                                               std::optional<Timestamp> expires) {
  if (name.empty() || name.size() > max_name_size)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("a token's name has 1 to {} characters, not {}", max_name_size,
                                 name.size()));
  if (grants.empty())
    return Error(ErrorCode::invalid_argument,
                 "a token needs at least one grant: which actions on which repositories");

  const Timestamp now = clock_.now();
  Created created;
  created.token =
      Token{make_ulid(now), std::string(name), std::move(grants), now, std::move(expires)};
  created.secret = std::string(secret_prefix).append(random_hex(secret_bytes));
  const Digest hash = digest_of(created.secret);
  const std::string row = token_to_json(created.token);
  const auto write_rows = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(transaction.put(row_of(hash), row));
    return transaction.put(row_of(created.token.id), hash.to_binary());
  };
  SLIPWAY_CHECK(metadata_.write(write_rows));
  return created;
}

Result<std::vector<Token>> TokenStore::list() const {
  std::vector<Token> tokens;
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const auto cursor, view->cursor());
  SLIPWAY_TRY(bool found, cursor->seek(key_space::token_hash));
  while (found && cursor->key().starts_with(key_space::token_hash)) {
    SLIPWAY_TRY(const Digest hash, Digest::from_binary(cursor->value()));
    SLIPWAY_TRY(const auto row, view->get(row_of(hash)));
    if (!row) return Error(ErrorCode::corrupt, "a token's row is missing in the metadata store");
    SLIPWAY_TRY(Token token, token_from_json(*row));
    tokens.push_back(std::move(token));
    SLIPWAY_TRY(found, cursor->next());
  }
  return tokens;
}

Result<void> TokenStore::revoke(std::string_view id) {
  if (!is_ulid(id))
    return Error(ErrorCode::not_found, "there is no token with that id; ids are ULIDs");
  std::optional<Digest> revoked;
  const auto erase_rows = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const auto row, transaction.get(row_of(id)));
    if (!row)
      return Error(ErrorCode::not_found, slipway::format("there is no token with id {}", id));
    SLIPWAY_TRY(revoked, Digest::from_binary(*row));
    SLIPWAY_CHECK(transaction.erase(row_of(*revoked)));
    SLIPWAY_CHECK(transaction.erase(row_of(id)));
    return {};
  };
  SLIPWAY_CHECK(metadata_.write(erase_rows));
  parsed_->forget(*revoked);
  return {};
}

Result<bool> TokenStore::empty() const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const auto cursor, view->cursor());
  SLIPWAY_TRY(const bool found, cursor->seek(key_space::token_hash));
  return !found || !cursor->key().starts_with(key_space::token_hash);
}

Result<std::optional<Identity>> TokenStore::verify(std::string_view secret) const {
  if (!has_form_of_secret(secret)) return std::optional<Identity>();
  return find(digest_of(secret));
}

std::optional<std::string> TokenStore::reference_of(std::string_view secret) const {
  if (!has_form_of_secret(secret)) return std::nullopt;
  return std::string(1, reference_letter).append(digest_of(secret).to_binary());
}

Result<std::optional<Identity>> TokenStore::recall(std::string_view reference) const {
  if (!reference.starts_with(reference_letter)) return std::optional<Identity>();
  const auto hash = Digest::from_binary(reference.substr(1));
  if (!hash) return std::optional<Identity>();
  return find(*hash);
}

Result<std::optional<Identity>> TokenStore::find(const Digest& hash) const {
  SLIPWAY_TRY(const auto view, metadata_.snapshot());
  SLIPWAY_TRY(const auto row, view->get(row_of(hash)));
  if (!row) return std::optional<Identity>();
  SLIPWAY_TRY(const auto known, parsed_->parse(hash, *row));
  if (known->expires && *known->expires <= clock_.now()) return std::optional<Identity>();
  return std::optional(known->identity);
}

}  // namespace slipway
