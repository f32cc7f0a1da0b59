#include "storage/totals.hpp"

#include <string>

#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway::totals {

namespace {

constexpr std::size_t row_size = 16;

key_space::Key row_key(std::string_view kind) {
  return key_space::Key(key_space::total).text(kind);
}

std::uint64_t sum(std::uint64_t total, std::int64_t change) noexcept {
  const auto unsigned_change = static_cast<std::uint64_t>(change);
  if (change < 0 && total < std::uint64_t{0} - unsigned_change) return 0;
  return total + unsigned_change;
}

}  // namespace

Result<Total> read(const ReadView& view, std::string_view kind) {
  SLIPWAY_TRY(const auto row, view.get(row_key(kind)));
  if (!row) return Total{};
  if (row->size() != row_size)
    return Error(ErrorCode::corrupt,
                 slipway::format("the row of totals of {} is malformed", kind));
  return Total{key_space::read_number(*row), key_space::read_number(*row, 8)};
}

Result<void> add(WriteTransaction& transaction, std::string_view kind, std::int64_t count,
                 std::int64_t bytes) {
  if (count == 0 && bytes == 0) return {};
  SLIPWAY_TRY(Total total, read(transaction, kind));
  total = {sum(total.count, count), sum(total.bytes, bytes)};
  const auto key = row_key(kind);
  if (total == Total{}) {
    SLIPWAY_CHECK(transaction.erase(key));
    return {};
  }
  std::string row;
  row.reserve(row_size);
  key_space::append_number(row, total.count);
  key_space::append_number(row, total.bytes);
  return transaction.put(key, row);
}

}  // namespace slipway::totals
