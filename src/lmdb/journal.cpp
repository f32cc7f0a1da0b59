#include "lmdb/journal.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include <slipway/support/hasher.hpp>

#include "lmdb/little_endian.hpp"
#include "support/format.hpp"

namespace slipway::lmdb {
namespace {

constexpr std::string_view beginning = "slipway journal, format 1\n";
constexpr std::size_t key_bytes = 32;
constexpr std::size_t code_bytes = 32;
constexpr std::size_t record_head = code_bytes + 8 + 8;
/// A slot has room for the meta pages of the largest page that LMDB takes, 64 KiB.
constexpr std::uint64_t slot_bytes = std::uint64_t{256} << 10U;
constexpr std::uint64_t records_begin = 2 * slot_bytes;
constexpr std::size_t zeros_at_once = std::size_t{1} << 20U;

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string code_of(std::string_view key, std::string_view bytes) {
  return std::string(text_of(hmac_sha256(key, bytes)));
}

std::string hash_of(std::string_view bytes) {
  // Nobody forges a slot who could not write the file; the code finds what was cut short.
  return code_of(beginning, bytes);
}

std::string random_key() {
  std::array<std::uint8_t, key_bytes> key{};
  fill_random(key);
  return std::string(text_of(key));
}

}  // namespace

Journal::Journal(std::filesystem::path path, files::Descriptor file)
    : path_(std::move(path)), file_(std::move(file)) {
  first_.place = next_.place = records_begin;
}

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& path,
                                               bool required) {
  SLIPWAY_TRY(auto file, files::open_file(path, O_RDWR | O_CREAT | O_DSYNC));
  std::unique_ptr<Journal> journal(new Journal(path, std::move(file)));
  SLIPWAY_TRY(journal->size_, files::file_size(journal->file_, path));
  SLIPWAY_CHECK(journal->read_slot(0));
  SLIPWAY_CHECK(journal->read_slot(1));
  const auto& checkpoint = journal->checkpoint_;
  if (!checkpoint && required)
    return Error(ErrorCode::corrupt,
                 slipway::format("{} has no whole checkpoint; restore the folder from a backup",
                                 path.native()));
  // Written again: of a page that a disk refused once, a flush would say that it is there.
  if (checkpoint)
    SLIPWAY_CHECK(journal->write_slot(journal->generation_, journal->first_.sequence, journal->key_,
                                      *checkpoint));
  return journal;
}

/// Takes over what the slot says when that is whole and newer than what was found before.
Result<void> Journal::read_slot(std::uint64_t slot) {
  std::string bytes(slot_bytes, '\0');
  SLIPWAY_TRY(const std::size_t count,
              files::read_at(file_, path_, slot * slot_bytes,
                             std::as_writable_bytes(std::span(bytes))));
  bytes.resize(count);
  NumberReader reader(bytes);
  const bool begins = reader.take(beginning.size()) == beginning;
  const std::uint64_t generation = reader.number(8);
  const std::uint64_t sequence = reader.number(8);
  const std::uint64_t used_bytes = reader.number(8);
  const std::string_view key = reader.take(key_bytes);
  const std::string_view meta_pages = reader.take(static_cast<std::size_t>(reader.number(4)));
  const std::size_t hashed = bytes.size() - reader.rest().size();
  const std::string_view hash = reader.take(code_bytes);
  if (!begins || reader.cut_short() || hash != hash_of(std::string_view(bytes).substr(0, hashed)))
    return {};
  if (checkpoint_ && generation <= generation_) return {};
  checkpoint_ = Checkpoint{used_bytes, std::string(meta_pages)};
  generation_ = generation;
  key_ = key;
  first_ = next_ = {sequence, records_begin};
  return {};
}

Result<void> Journal::write_slot(std::uint64_t generation, std::uint64_t sequence,
                                 std::string_view key, const Checkpoint& checkpoint) {
  std::string slot(beginning);
  append_number(slot, generation, 8);
  append_number(slot, sequence, 8);
  append_number(slot, checkpoint.used_bytes, 8);
  slot.append(key);
  append_number(slot, checkpoint.meta_pages.size(), 4);
  slot.append(checkpoint.meta_pages);
  slot.append(hash_of(slot));
  std::uint64_t place = generation % 2 * slot_bytes;
  return files::write_at(file_, path_, place, std::as_bytes(std::span(slot)));
}

Result<void> Journal::replay(const std::function<Result<void>(std::string_view changes)>& see) {
  Position at = first_;
  while (!records_are_known_ || at.place < next_.place) {
    SLIPWAY_TRY(const auto changes, read_record(at));
    if (changes) {
      SLIPWAY_CHECK(see(*changes));
      continue;
    }
    if (records_are_known_)
      return Error(ErrorCode::corrupt,
                   slipway::format("{} has lost what was written to it", path_.native()));
    next_ = at;
    records_are_known_ = true;
  }
  return {};
}

Result<std::optional<std::string>> Journal::read_record(Position& at) {
  const std::optional<std::string> none;
  std::string record(record_head, '\0');
  if (size_ - std::min(size_, at.place) < record_head) return none;
  SLIPWAY_CHECK(files::read_at(file_, path_, at.place, std::as_writable_bytes(std::span(record))));
  const std::uint64_t sequence = read_number(std::string_view(record).substr(code_bytes, 8));
  const std::uint64_t size = read_number(std::string_view(record).substr(code_bytes + 8, 8));
  if (sequence != at.sequence || size > size_ - at.place - record_head) return none;
  record.resize(record_head + static_cast<std::size_t>(size));
  SLIPWAY_CHECK(files::read_at(file_, path_, at.place, std::as_writable_bytes(std::span(record))));
  const std::string_view coded = std::string_view(record).substr(code_bytes);
  if (!equal_in_constant_time(std::string_view(record).substr(0, code_bytes), code_of(key_, coded)))
    return none;
  at = {at.sequence + 1, at.place + record.size()};
  return std::optional(record.substr(record_head));
}

Result<void> Journal::begin(Checkpoint checkpoint) {
  std::string key = random_key();
  SLIPWAY_CHECK(write_slot(generation_ + 1, next_.sequence, key, checkpoint));
  ++generation_;
  key_ = std::move(key);
  checkpoint_ = std::move(checkpoint);
  first_ = next_ = {next_.sequence, records_begin};
  records_are_known_ = true;
  return {};
}

std::uint64_t Journal::records_bytes() const noexcept {
  return size_ > records_begin ? size_ - records_begin : 0;
}

Result<void> Journal::grow(std::uint64_t bytes) {
  const std::uint64_t present = records_bytes();
  const std::uint64_t needed = bytes + record_head;
  std::uint64_t wanted = std::max(present, first_bytes);
  if (is_nearly_full() && present < most_bytes)
    wanted = std::min(most_bytes, growth_factor * present);
  while (wanted < needed) wanted *= 2;
  const auto grown = write_zeros_until(records_begin + wanted);
  return records_bytes() >= needed ? Result<void>() : grown;
}

/// Written zeros: an append into blocks that the file system has yet to find, or to mark as written,
/// has it flush more than the append, and a full disk could refuse them. The slots are among them.
Result<void> Journal::write_zeros_until(std::uint64_t end) {
  const std::string zeros(zeros_at_once, '\0');
  for (std::uint64_t place = size_; place < end; size_ = place) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), end - place));
    SLIPWAY_CHECK(
        files::write_at(file_, path_, place, std::as_bytes(std::span(zeros).first(piece))));
  }
  return {};
}

bool Journal::has_room(std::uint64_t bytes) const noexcept {
  return bytes + record_head <= size_ - std::min(size_, next_.place);
}

bool Journal::is_nearly_full() const noexcept {
  return next_.place - records_begin > records_bytes() / 8 * 7;
}

Result<void> Journal::append(std::string_view changes) {
  record_.assign(code_bytes, '\0');
  append_number(record_, next_.sequence, 8);
  append_number(record_, changes.size(), 8);
  record_.append(changes);
  const auto code = hmac_sha256(key_, std::string_view(record_).substr(code_bytes));
  std::memcpy(record_.data(), code.data(), code_bytes);
  std::uint64_t place = next_.place;
  if (auto written = files::write_at(file_, path_, place, std::as_bytes(std::span(record_)));
      !written) {
    (void)write_no_record();  // it may be there all the same
    return written;
  }
  last_ = std::exchange(next_, {next_.sequence + 1, place});
  return {};
}

void Journal::take_back() noexcept {
  next_ = last_;
  (void)write_no_record();
}

Result<void> Journal::probe() { return write_no_record(); }

/// Where the next record goes is none, or only a part of an earlier generation's.
Result<void> Journal::write_no_record() {
  const std::array<char, record_head> zeros{};
  std::uint64_t place = next_.place;
  const std::uint64_t room = std::min<std::uint64_t>(zeros.size(), size_ - std::min(size_, place));
  return files::write_at(file_, path_, place,
                         std::as_bytes(std::span(zeros).first(static_cast<std::size_t>(room))));
}

}  // namespace slipway::lmdb
