// Journal: a file in which each commit is made durable by one flush, before LMDB has it.
//
// LMDB alone needs two flushes a commit, one of pages all over its file, one of a meta page. With a
// journal it flushes nothing: a commit's changes are appended here, in one write to a descriptor
// that was opened O_DSYNC, into blocks that the file system has already; then LMDB commits into the
// page cache. Now and then there is a checkpoint: LMDB's file is flushed, and what was appended before
// is forgotten. A checkpoint remembers LMDB's two meta pages. A power cut may leave LMDB's file as any
// mixture of what was written since, so opening puts these meta pages back and makes the changes
// again that were appended since then. The pages that they lead to are as they were, because a
// reader is kept at the checkpoint until the next: LMDB writes over no page that it sees.
//
// The file: two slots for a checkpoint, then a ring of records. Whole numbers have their lowest byte
// first.
//
//   slot     "slipway journal, format 2\n", generation: 8, sequence: 8, place: 8, bytes LMDB uses: 8,
//            key: 32, size of the meta pages: 4, the meta pages, HMAC-SHA-256 of all this under the
//            first line
//   record   HMAC-SHA-256 of what follows under the slot's key: 32, sequence: 8, size: 8, changes
//
// Generation n is written to slot n mod 2, so that the one before stays whole; the greatest whole one
// counts. Its records are those that follow each other from its sequence and place in the file on;
// each lies behind the one before or, when it had no room there, at the ring's beginning. What earlier
// laps left has smaller numbers or another key, and nobody else knows the key. A record that was cut
// short is not one. Format 1 had no place: its records began at the ring's beginning.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

#include "support/file.hpp"

namespace slipway::lmdb {

/// LMDB's file as of a moment; all that it was then is flushed before it is noted down.
struct Checkpoint {
  std::uint64_t used_bytes = 0;
  std::string meta_pages;  // both, as they lie at the file's beginning
};

class Journal {
 public:
  /// The file, made where it is missing. One that is `required` has been begun before. The checkpoint
  /// that is found is flushed: a process that was killed may have left it in the page cache. Errors:
  /// io, quota_exceeded, unavailable, corrupt (it is required and has no whole checkpoint).
  static Result<std::unique_ptr<Journal>> open(const std::filesystem::path& path, bool required);

  /// Where to go on from; nullptr before the first `begin`.
  [[nodiscard]] const Checkpoint* checkpoint() const noexcept {
    return checkpoint_ ? &*checkpoint_ : nullptr;
  }

  /// What was appended since the checkpoint, in that order: the first time what is found in the file,
  /// later what `append` kept. Comes before the first append. Errors: io, corrupt (it was kept and is
  /// not there), those of `see`.
  Result<void> replay(const std::function<Result<void>(std::string_view changes)>& see);

  /// Makes the file large enough for a record of `bytes` of changes, and larger where the present
  /// generation filled it, up to most_bytes. Errors: io, quota_exceeded (not even the former).
  Result<void> grow(std::uint64_t bytes);

  /// Where a record is, or will be.
  struct Position {
    std::uint64_t sequence = 0;
    std::uint64_t place = 0;
  };

  /// A new generation: what was appended before is in LMDB's file, and is forgotten. Durable when it
  /// returns. REQUIRES: grow succeeded before. Errors: io, quota_exceeded; either generation may count
  /// then, so the next call must be another `begin`, which writes to the same slot.
  Result<void> begin(Checkpoint checkpoint);
  /// The same where records from `first` on, an earlier answer of `end`, are not in it: they stay.
  Result<void> begin(Checkpoint checkpoint, const Position& first);
  /// Behind what was appended last.
  [[nodiscard]] Position end() const noexcept { return next_; }

  /// Whether a record of so many bytes of changes can be appended. False: grow and begin anew first.
  [[nodiscard]] bool has_room(std::uint64_t bytes) const noexcept;
  /// Durable when it returns. REQUIRES: has_room. Errors: io, quota_exceeded; it is forgotten as by
  /// take_back.
  Result<void> append(std::string_view changes);
  /// Forgets what the last `append` appended. Its head is overwritten, but where the disk refuses that,
  /// opening finds it until something else was appended. REQUIRES: nothing but that append was done
  /// since.
  void take_back() noexcept;
  /// Whether the disk takes writes to the journal; changes nothing in it. Errors: io, quota_exceeded.
  Result<void> probe();
  /// Nothing was appended since the checkpoint.
  [[nodiscard]] bool empty() const noexcept { return first_.sequence == next_.sequence; }
  /// Half of it has records since the checkpoint: a time for the next, while there is room to go on.
  [[nodiscard]] bool is_half_full() const noexcept;

  static constexpr std::uint64_t first_bytes = std::uint64_t{256} << 10U;
  static constexpr std::uint64_t most_bytes = std::uint64_t{32} << 20U;
  /// Small folders stay small, and one that is written to has few of the checkpoints that make its
  /// writers wait.
  static constexpr std::uint64_t growth_factor = 8;

 private:
  Journal(std::filesystem::path path, files::Descriptor file);

  Result<void> read_slot(std::uint64_t slot, std::string& found);
  Result<void> write_slot(std::uint64_t generation, std::string_view slot);
  static std::string make_slot(std::uint64_t generation, const Position& first,
                               std::string_view key, const Checkpoint& checkpoint);
  Result<void> begin(Checkpoint checkpoint, const Position& first, std::string key);
  Result<void> write_zeros_until(std::uint64_t end);
  Result<void> write_no_record();
  [[nodiscard]] std::uint64_t ring_bytes() const noexcept;
  [[nodiscard]] std::uint64_t used_bytes() const noexcept;
  /// The last record lies before the first.
  [[nodiscard]] bool is_wrapped() const noexcept;
  /// Up to where records may lie that begin at next_.place.
  [[nodiscard]] std::uint64_t room_end() const noexcept;
  /// Where a record of so many bytes, its head included, goes; nullopt: nowhere.
  [[nodiscard]] std::optional<std::uint64_t> place_for(std::uint64_t bytes) const noexcept;
  /// The changes of the record at a position or, when there is none, at the ring's beginning; the
  /// position moves behind it. nullopt: neither.
  Result<std::optional<std::string>> read_record(Position& at);
  Result<std::optional<std::string>> read_record_at(const Position& at);

  const std::filesystem::path path_;
  const files::Descriptor file_;
  std::optional<Checkpoint> checkpoint_;
  std::uint64_t generation_ = 0;
  std::string key_;
  Position first_;  // of this generation, if there is one
  Position last_;   // that was appended
  Position next_;
  bool records_are_known_ = false;  // those from first_ to next_
  bool may_have_refused_ = false;   // at next_.place, a record that was taken back
  std::uint64_t size_ = 0;          // of the file
  std::string record_;  // kept so that it is not allocated anew
};

}  // namespace slipway::lmdb
