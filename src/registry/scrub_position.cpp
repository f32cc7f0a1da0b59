#include "registry/scrub_position.hpp"

#include <slipway/registry/scrub.hpp>

#include <algorithm>
#include <string>

#include "storage/key_space.hpp"

namespace slipway {
namespace {

constexpr std::size_t number_size = 8;

/// After a start other work comes first.
constexpr std::chrono::minutes soon{1};    // one that was stopped goes on
constexpr std::chrono::minutes first{10};  // of a store that was never read

struct Position {
  std::uint64_t ended = 0;  // milliseconds since 1970; 0: never
  std::optional<Digest> last;
};

Result<Position> read_position(const ReadView& view) {
  Position position;
  SLIPWAY_TRY(const auto value, view.get(key_space::scrub_position));
  if (!value) return position;
  if (value->size() < number_size)
    return Error(ErrorCode::corrupt, "the row of the scrub's position is malformed");
  position.ended = key_space::read_number(*value);
  if (value->size() > number_size) {
    SLIPWAY_TRY(position.last, Digest::from_binary(value->substr(number_size)));
  }
  return position;
}

Result<void> write_position(WriteTransaction& transaction, const Position& position) {
  std::string value;
  key_space::append_number(value, position.ended);
  if (position.last) position.last->append_binary_to(value);
  return transaction.put(key_space::scrub_position, value);
}

}  // namespace

Result<std::optional<Digest>> kept_position(MetadataStore& metadata) {
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  SLIPWAY_TRY(const Position position, read_position(*view));
  return position.last;
}

Result<void> keep_position(MetadataStore& metadata, const std::optional<Digest>& last) {
  return metadata.write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(Position position, read_position(transaction));
    position.last = last;
    return write_position(transaction, position);
  });
}

Result<void> end_scrub(MetadataStore& metadata, Timestamp now) {
  return metadata.write([&](WriteTransaction& transaction) {
    const auto milliseconds = static_cast<std::uint64_t>(now.time_since_epoch().count());
    return write_position(transaction, {milliseconds, std::nullopt});
  });
}

Result<std::chrono::milliseconds> scrub_due_in(MetadataStore& metadata, Clock& clock,
                                               std::chrono::milliseconds interval) {
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  SLIPWAY_TRY(const Position position, read_position(*view));
  if (position.last) return std::min<std::chrono::milliseconds>(interval, soon);
  if (position.ended == 0) return std::min<std::chrono::milliseconds>(interval, first);
  const Timestamp ended{std::chrono::milliseconds(static_cast<std::int64_t>(position.ended))};
  return std::clamp(interval - (clock.now() - ended), std::chrono::milliseconds(0), interval);
}

}  // namespace slipway
