#include "storage/blob_record.hpp"

#include "storage/key_space.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

constexpr std::size_t place_at = 8;
constexpr std::size_t renewed_at_at = 9;
constexpr std::size_t row_size = 17;

}  // namespace

std::string to_row(const BlobRecord& record) {
  std::string row;
  row.reserve(row_size);
  key_space::append_number(row, record.size);
  row.push_back(static_cast<char>(record.place));
  const std::int64_t milliseconds = record.renewed_at.time_since_epoch().count();
  key_space::append_number(row, static_cast<std::uint64_t>(milliseconds));
  return row;
}

Result<BlobRecord> parse_blob_record(std::string_view row) {
  if (row.size() != row_size)
    return Error(ErrorCode::corrupt,
                 slipway::format("blob row of {} bytes, expected {}", row.size(), row_size));
  BlobRecord record;
  record.size = key_space::read_number(row);
  record.place = static_cast<BlobPlace>(row[place_at]);
  if (record.place != BlobPlace::value && record.place != BlobPlace::object)
    return Error(ErrorCode::corrupt, slipway::format("blob row names place {}, which is unknown",
                                                     static_cast<int>(row[place_at])));
  const auto milliseconds = static_cast<std::int64_t>(key_space::read_number(row, renewed_at_at));
  record.renewed_at = Timestamp(std::chrono::milliseconds(milliseconds));
  return record;
}

}  // namespace slipway
