#include "registry/upload_id.hpp"

#include <array>
#include <span>

#include <slipway/core/hex.hpp>
#include <slipway/support/hasher.hpp>
#include <slipway/support/ulid.hpp>

#include "storage/key_space.hpp"

namespace slipway {
namespace {

constexpr std::size_t code_bytes = 16;
constexpr std::size_t head_size = ulid_size + 1;
constexpr std::size_t id_size = head_size + 2 * code_bytes;
constexpr std::size_t key_size = 32;

constexpr char sha256_letter = 'a';
constexpr char sha512_letter = 'b';

}  // namespace

std::string UploadIds::code(std::string_view head, const RepositoryName& repository) const {
  std::string message(head);
  message.append(repository.str());  // the head has a fixed size, so nothing is ambiguous
  const auto mac = hmac_sha256(key_, message);
  return to_hex(std::span(mac).first(code_bytes));
}

std::string UploadIds::make(const RepositoryName& repository, DigestAlgorithm algorithm,
                            Timestamp now) const {
  std::string id = make_ulid(now);
  id.push_back(algorithm == DigestAlgorithm::sha256 ? sha256_letter : sha512_letter);
  id.append(code(id, repository));
  return id;
}

std::optional<UploadId> UploadIds::check(const RepositoryName& repository,
                                         std::string_view id) const {
  if (id.size() != id_size) return std::nullopt;
  const auto opened = ulid_time(id.substr(0, ulid_size));
  if (!opened) return std::nullopt;
  const std::string_view head = id.substr(0, head_size);
  if (!equal_in_constant_time(id.substr(head_size), code(head, repository))) return std::nullopt;
  return UploadId{*opened, head.back() == sha512_letter ? DigestAlgorithm::sha512
                                                        : DigestAlgorithm::sha256};
}

Result<std::string> load_upload_key(MetadataStore& metadata) {
  const auto row = key_space::Key(key_space::secret_key).text("uploads");
  std::array<std::uint8_t, key_size> fresh{};
  fill_random(fresh);
  const std::string_view fresh_key(reinterpret_cast<const char*>(fresh.data()), fresh.size());

  std::string key;
  {
    SLIPWAY_TRY(const auto view, metadata.snapshot());
    SLIPWAY_TRY(const auto present, view->get(row));
    if (present) key = *present;
  }
  const auto keep_one = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(const auto present, transaction.get(row));
    key = present.value_or(fresh_key);
    return present ? Result<void>() : transaction.put(row, fresh_key);
  };
  if (key.empty()) SLIPWAY_CHECK(metadata.write(keep_one));
  if (key.size() != key_size)
    return Error(ErrorCode::corrupt, "the key that signs upload ids is malformed");
  return key;
}

}  // namespace slipway
