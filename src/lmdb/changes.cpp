#include "lmdb/changes.hpp"

#include "lmdb/little_endian.hpp"

namespace slipway::lmdb {
namespace {

constexpr std::size_t key_size_bytes = 2;
constexpr std::size_t value_size_bytes = 4;
constexpr char put_letter = 'p';
constexpr char erase_letter = 'e';

}  // namespace

void append_put(std::string& changes, std::string_view key, std::string_view value) {
  changes.push_back(put_letter);
  append_number(changes, key.size(), key_size_bytes);
  append_number(changes, value.size(), value_size_bytes);
  changes.append(key).append(value);
}

void append_erase(std::string& changes, std::string_view key) {
  changes.push_back(erase_letter);
  append_number(changes, key.size(), key_size_bytes);
  changes.append(key);
}

Result<void> for_each_change(std::string_view changes,
                             const std::function<Result<void>(const Change&)>& see) {
  NumberReader reader(changes);
  while (!reader.rest().empty()) {
    const std::string_view letter = reader.take(1);
    const bool puts = letter.front() == put_letter;
    const auto key_size = static_cast<std::size_t>(reader.number(key_size_bytes));
    const auto value_size = static_cast<std::size_t>(puts ? reader.number(value_size_bytes) : 0);
    Change change{reader.take(key_size), std::nullopt};
    if (puts) change.value = reader.take(value_size);
    if (reader.cut_short() || (!puts && letter.front() != erase_letter))
      return Error(ErrorCode::corrupt, "a journal's record has changes that are not whole");
    SLIPWAY_CHECK(see(change));
  }
  return {};
}

}  // namespace slipway::lmdb
