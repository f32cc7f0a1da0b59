#include "build/registration_token.hpp"

#include <slipway/core/byte_range.hpp>
#include <slipway/support/hasher.hpp>
#include <slipway/support/ulid.hpp>

#include "support/format.hpp"

namespace slipway {

namespace {

constexpr std::string_view prefix = "slpr_";
constexpr std::size_t longest = 160;

}  // namespace

std::string make_registration_token(std::string_view build, std::uint64_t epoch,
                                    std::string_view secret) {
  return slipway::format("{}{}_{}_{}", prefix, build, epoch, secret);
}

std::optional<RegistrationTokenParts> parse_registration_token(std::string_view token) {
  if (!token.starts_with(prefix) || token.size() > longest) return std::nullopt;
  token.remove_prefix(prefix.size());
  const std::string_view build = token.substr(0, ulid_size);
  if (!is_ulid(build) || token.size() < ulid_size + 1 || token[ulid_size] != '_')
    return std::nullopt;
  token.remove_prefix(ulid_size + 1);
  const std::size_t mark = token.find('_');
  const auto epoch = detail::parse_decimal(token.substr(0, mark));
  if (mark == std::string_view::npos || !epoch ||
      token.size() - mark - 1 != 2 * registration_secret_bytes)
    return std::nullopt;
  return RegistrationTokenParts{std::string(build), *epoch};
}

std::string hash_of_token(std::string_view token) {
  const auto digest = digest_of(token);
  return std::string(digest.hash().begin(), digest.hash().end());
}

}  // namespace slipway
