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

constexpr std::string_view beginning = "slipway journal, format 2\n";
constexpr std::string_view older_beginning = "slipway journal, format 1\n";
static_assert(beginning.size() == older_beginning.size());
constexpr std::size_t key_bytes = 32;
constexpr std::size_t code_bytes = 32;
constexpr std::size_t record_head = code_bytes + 8 + 8;
/// A slot has room for the meta pages of the largest page that LMDB takes, 64 KiB.
constexpr std::uint64_t slot_bytes = std::uint64_t{256} << 10U;
constexpr std::uint64_t ring_begin = 2 * slot_bytes;
constexpr std::size_t zeros_at_once = std::size_t{1} << 20U;

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string code_of(std::string_view key, std::string_view bytes) {
  return std::string(text_of(hmac_sha256(key, bytes)));
}

/// Nobody forges a slot who could not write the file; the code finds what was cut short.
std::string hash_of_slot(std::string_view bytes) {
  return code_of(bytes.substr(0, beginning.size()), bytes);
}

std::string random_key() {
  std::array<std::uint8_t, key_bytes> key{};
  fill_random(key);
  return std::string(text_of(key));
}

}  // namespace

Journal::Journal(std::filesystem::path path, files::Descriptor file)
    : path_(std::move(path)), file_(std::move(file)) {
  first_.place = next_.place = ring_begin;
}

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& path,
                                               bool required) {
  SLIPWAY_TRY(auto file, files::open_file(path, O_RDWR | O_CREAT | O_DSYNC));
  std::unique_ptr<Journal> journal(new Journal(path, std::move(file)));
  SLIPWAY_TRY(journal->size_, files::file_size(journal->file_, path));
  std::string found;
  SLIPWAY_CHECK(journal->read_slot(0, found));
  SLIPWAY_CHECK(journal->read_slot(1, found));
  const auto& checkpoint = journal->checkpoint_;
  if (!checkpoint && required)
    return Error(ErrorCode::corrupt,
                 slipway::format("{} has no whole checkpoint; restore the folder from a backup",
                                 path.native()));
  // Written again: of a page that a disk refused once, a flush would say that it is there.
  if (checkpoint) SLIPWAY_CHECK(journal->write_slot(journal->generation_, found));
  return journal;
}

/// Takes over what the slot says, and its bytes, when it is whole and newer than what was found before.
Result<void> Journal::read_slot(std::uint64_t slot, std::string& found) {
  std::string bytes(slot_bytes, '\0');
  SLIPWAY_TRY(const std::size_t count,
              files::read_at(file_, path_, slot * slot_bytes,
                             std::as_writable_bytes(std::span(bytes))));
  bytes.resize(count);
  NumberReader reader(bytes);
  const std::string_view begins = reader.take(beginning.size());
  const std::uint64_t generation = reader.number(8);
  Position first{reader.number(8), ring_begin};
  if (begins == beginning) first.place = reader.number(8);
  const std::uint64_t used_bytes = reader.number(8);
  const std::string_view key = reader.take(key_bytes);
  const std::string_view meta_pages = reader.take(static_cast<std::size_t>(reader.number(4)));
  const std::size_t hashed = bytes.size() - reader.rest().size();
  const std::string_view hash = reader.take(code_bytes);
  const bool is_one = (begins == beginning || begins == older_beginning) && !reader.cut_short() &&
                      hash == hash_of_slot(std::string_view(bytes).substr(0, hashed));
  if (!is_one || (checkpoint_ && generation <= generation_)) return {};
  checkpoint_ = Checkpoint{used_bytes, std::string(meta_pages)};
  generation_ = generation;
  key_ = key;
  first_ = next_ = first;
  found = bytes.substr(0, hashed + code_bytes);
  return {};
}

Result<void> Journal::write_slot(std::uint64_t generation, std::string_view slot) {
  std::uint64_t place = generation % 2 * slot_bytes;
  return files::write_at(file_, path_, place, std::as_bytes(std::span(slot)));
}

std::string Journal::make_slot(std::uint64_t generation, const Position& first,
                               std::string_view key, const Checkpoint& checkpoint) {
  std::string slot(beginning);
  append_number(slot, generation, 8);
  append_number(slot, first.sequence, 8);
  append_number(slot, first.place, 8);
  append_number(slot, checkpoint.used_bytes, 8);
  slot.append(key);
  append_number(slot, checkpoint.meta_pages.size(), 4);
  slot.append(checkpoint.meta_pages);
  slot.append(hash_of_slot(slot));
  return slot;
}

Result<void> Journal::replay(const std::function<Result<void>(std::string_view changes)>& see) {
  Position at = first_;
  while (!records_are_known_ || at.sequence < next_.sequence) {
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
  SLIPWAY_TRY(auto changes, read_record_at(at));
  if (!changes && at.place != ring_begin) {
    const Position beginning_again{at.sequence, ring_begin};
    SLIPWAY_TRY(changes, read_record_at(beginning_again));
    if (changes) at = beginning_again;
  }
  if (changes) at = {at.sequence + 1, at.place + record_head + changes->size()};
  return changes;
}

Result<std::optional<std::string>> Journal::read_record_at(const Position& at) {
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
  return std::optional(record.substr(record_head));
}

Result<void> Journal::begin(Checkpoint checkpoint) {
  SLIPWAY_CHECK(begin(std::move(checkpoint), {next_.sequence, ring_begin}, random_key()));
  next_ = first_;
  records_are_known_ = true;
  may_have_refused_ = false;
  return {};
}

Result<void> Journal::begin(Checkpoint checkpoint, const Position& first) {
  return begin(std::move(checkpoint), first, key_);
}

Result<void> Journal::begin(Checkpoint checkpoint, const Position& first, std::string key) {
  SLIPWAY_CHECK(write_slot(generation_ + 1, make_slot(generation_ + 1, first, key, checkpoint)));
  ++generation_;
  key_ = std::move(key);
  checkpoint_ = std::move(checkpoint);
  first_ = first;
  return {};
}

std::uint64_t Journal::ring_bytes() const noexcept {
  return size_ > ring_begin ? size_ - ring_begin : 0;
}

std::uint64_t Journal::used_bytes() const noexcept {
  if (is_wrapped()) return ring_bytes() - (first_.place - next_.place);
  return empty() ? 0 : next_.place - first_.place;
}

std::uint64_t Journal::room_end() const noexcept {
  return is_wrapped() ? first_.place : size_;
}

bool Journal::is_wrapped() const noexcept { return !empty() && next_.place <= first_.place; }

std::optional<std::uint64_t> Journal::place_for(std::uint64_t bytes) const noexcept {
  if (bytes <= room_end() - std::min(room_end(), next_.place)) return next_.place;
  const std::uint64_t free_before = empty() ? next_.place : first_.place;
  if (!is_wrapped() && bytes <= free_before - ring_begin) return ring_begin;
  return std::nullopt;
}

Result<void> Journal::grow(std::uint64_t bytes) {
  const std::uint64_t present = ring_bytes();
  const std::uint64_t needed = bytes + record_head;
  std::uint64_t wanted = std::max(present, first_bytes);
  if (is_half_full() && present < most_bytes) wanted = std::min(most_bytes, growth_factor * present);
  while (wanted < needed) wanted *= 2;
  const auto grown = write_zeros_until(ring_begin + wanted);
  return ring_bytes() >= needed ? Result<void>() : grown;
}

/// Written zeros: an append into blocks that the file system has yet to find, or to mark as written,
/// has it flush more than the append, and a full disk could refuse them. The slots are among them.
/// One flush for all of them: writers wait.
Result<void> Journal::write_zeros_until(std::uint64_t end) {
  if (end <= size_) return {};
  SLIPWAY_TRY(const auto file, files::open_file(path_, O_RDWR));
  const std::string zeros(zeros_at_once, '\0');
  Result<void> written;
  std::uint64_t place = size_;
  while (written && place < end) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), end - place));
    written = files::write_at(file, path_, place, std::as_bytes(std::span(zeros).first(piece)));
  }
  SLIPWAY_CHECK(files::sync_file(file, path_));
  size_ = place;
  return written;
}

bool Journal::has_room(std::uint64_t bytes) const noexcept {
  return place_for(bytes + record_head).has_value();
}

bool Journal::is_half_full() const noexcept { return used_bytes() > ring_bytes() / 2; }

Result<void> Journal::append(std::string_view changes) {
  record_.assign(code_bytes, '\0');
  append_number(record_, next_.sequence, 8);
  append_number(record_, changes.size(), 8);
  record_.append(changes);
  const auto code = hmac_sha256(key_, std::string_view(record_).substr(code_bytes));
  std::memcpy(record_.data(), code.data(), code_bytes);
  const Position at{next_.sequence, *place_for(record_.size())};
  if (may_have_refused_ && at.place != next_.place) SLIPWAY_CHECK(write_no_record());
  next_ = at;
  std::uint64_t end = at.place;
  if (auto written = files::write_at(file_, path_, end, std::as_bytes(std::span(record_)));
      !written) {
    may_have_refused_ = true;
    (void)write_no_record();  // it may be there all the same
    return written;
  }
  may_have_refused_ = false;
  last_ = at;
  next_ = {at.sequence + 1, end};
  return {};
}

void Journal::take_back() noexcept {
  next_ = last_;
  may_have_refused_ = true;
  (void)write_no_record();
}

Result<void> Journal::probe() { return write_no_record(); }

/// Where the next record goes is none, or only a part of an earlier one.
Result<void> Journal::write_no_record() {
  const std::array<char, record_head> zeros{};
  std::uint64_t place = next_.place;
  const std::uint64_t room =
      std::min<std::uint64_t>(zeros.size(), room_end() - std::min(room_end(), place));
  SLIPWAY_CHECK(files::write_at(file_, path_, place,
                                std::as_bytes(std::span(zeros).first(static_cast<std::size_t>(room)))));
  may_have_refused_ = false;
  return {};
}

}  // namespace slipway::lmdb
