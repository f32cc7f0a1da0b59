#include "build/attempt_row.hpp"

#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

using key_space::Key;

constexpr std::size_t epoch_size = 8;
constexpr std::size_t hash_size = 32;

std::string key_of(std::string_view build) {
  return Key(key_space::build_attempt).text(build).str();
}

}  // namespace

Result<std::optional<AttemptRow>> read_attempt(const ReadView& view, std::string_view build) {
  SLIPWAY_TRY(const std::optional<std::string_view> value, view.get(key_of(build)));
  if (!value) return std::optional<AttemptRow>();
  const std::size_t end = value->find('\0', epoch_size + hash_size);
  if (value->size() <= epoch_size + hash_size || end == std::string_view::npos)
    return Error(ErrorCode::corrupt, slipway::format("build {}: its attempt is malformed", build));
  AttemptRow row;
  row.epoch = key_space::read_number(*value);
  row.token_hash = value->substr(epoch_size, hash_size);
  row.repository = value->substr(epoch_size + hash_size, end - epoch_size - hash_size);
  row.nonce = value->substr(end + 1);
  return std::optional<AttemptRow>(std::move(row));
}

Result<void> write_attempt(WriteTransaction& transaction, std::string_view build,
                           const AttemptRow& row) {
  std::string value;
  key_space::append_number(value, row.epoch);
  value.append(row.token_hash).append(row.repository).push_back('\0');
  value.append(row.nonce);
  return transaction.put(key_of(build), value);
}

Result<void> erase_attempt(WriteTransaction& transaction, std::string_view build) {
  SLIPWAY_CHECK(transaction.erase(key_of(build)));
  return {};
}

Result<void> check_attempt(const ReadView& view, std::string_view build, std::uint64_t epoch) {
  SLIPWAY_TRY(const std::optional<std::string_view> value, view.get(key_of(build)));
  if (value && value->size() >= epoch_size && key_space::read_number(*value) == epoch) return {};
  return Error(ErrorCode::conflict,
               slipway::format("build {}: the attempt of epoch {} is over; its worker must stop",
                               build, epoch));
}

WriteGuard guard_of_attempt(std::string_view build, std::uint64_t epoch) {
  return [build = std::string(build), epoch](const ReadView& view) {
    return check_attempt(view, build, epoch);
  };
}

}  // namespace slipway
