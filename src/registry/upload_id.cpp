#include "registry/upload_id.hpp"

#include <span>

#include <slipway/core/hex.hpp>
#include <slipway/support/hasher.hpp>
#include <slipway/support/ulid.hpp>

#include "storage/sealed_rows.hpp"

namespace slipway {
namespace {

constexpr std::size_t code_bytes = 16;
constexpr std::size_t head_size = ulid_size + 1;
constexpr std::size_t id_size = head_size + 2 * code_bytes;

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
  return sealed_rows::random_key(metadata, "uploads");
}

}  // namespace slipway
