// Environment: LMDB's environment and its one database, owned; and LMDB's errors as ours.
//
// It flushes LMDB's file at checkpoints only: what makes a commit durable is the journal. Opening goes
// back to the last checkpoint and makes the journal's changes again (journal.hpp). A checkpoint that is
// merely due is flushed by a thread of its own while commits go on: the journal has room for them, and
// a reader is kept at either checkpoint. What was to be flushed is noted down by whoever commits after.
//
// What the journal's file refuses stops writers only: an append that failed is forgotten, and a
// checkpoint that could not be noted down is made once more before the next commit. Two faults need
// LMDB to be opened anew, see reopen():
//   - a meta page could not be written: LMDB refuses every transaction from then on, of readers too.
//     Its file in the page cache is sound.
//   - its file could not be flushed: what was to be flushed may be lost (Linux keeps no page dirty that
//     a disk refused, and tells once), so it is written again from the journal. Readers go on until
//     the disk takes writes again.
//
// Thread safety: any thread may begin transactions. What changes the environment (reserve, append,
// checkpoint, reopen) belongs to whoever may commit; reopen() when there are no transactions.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

#include "lmdb/growth.hpp"
#include "lmdb/journal.hpp"
#include "lmdb/lmdb_metadata_store.hpp"

namespace slipway::lmdb {

class Environment {
 public:
  /// Errors: io, corrupt, quota_exceeded.
  static Result<std::unique_ptr<Environment>> open(const std::filesystem::path& folder,
                                                   const LmdbOptions& options);

  /// Makes a checkpoint, where that is possible.
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// Opens it anew, with all that is in the journal. It is broken until that has succeeded; it may be
  /// tried again. REQUIRES: broken; no transaction is there, at rest or not. Errors: as open.
  Result<void> reopen();
  /// LMDB refuses all transactions, or its file is to be made again from the journal. REQUIRES: no
  /// write transaction is there.
  [[nodiscard]] bool broken() const noexcept;
  /// LMDB has something that the journal lacks, and nobody is to be told that it is kept: broken.
  void distrust() noexcept { must_recover_ = true; }

  /// There are blocks for a commit that adds at most so many bytes. Errors: quota_exceeded, io.
  Result<void> reserve(std::uint64_t bytes);
  /// Makes a transaction's changes durable: LMDB must commit the same next. REQUIRES: no checkpoint is
  /// needed. Errors: io, quota_exceeded; they are not kept.
  Result<void> append(std::string_view changes);
  /// LMDB did not commit what was appended last, in the transaction with this id: it is taken back from
  /// the journal; or, when LMDB gave up, the next reopen() does so if it finds that LMDB lacks it.
  void commit_failed(std::size_t transaction) noexcept;
  /// The id of the last transaction that readers see. REQUIRES: not broken.
  [[nodiscard]] std::size_t last_transaction() const noexcept;
  /// Flushes LMDB's file and begins the journal anew, now. Errors: io, quota_exceeded.
  Result<void> checkpoint() { return checkpoint_for(0); }
  /// One must be made before a write transaction begins.
  [[nodiscard]] bool needs_checkpoint() const noexcept { return needs_checkpoint_; }
  /// The journal is half full, or LMDB's file has grown a good deal because it may not write over what
  /// the last checkpoint sees: a checkpoint is to be begun. Or one that was begun is flushed. Or LMDB
  /// has written a good deal and nobody waits to commit: the disk shall begin with it, since a flush of
  /// much at once makes the journal's writes wait. Who waits gets more done without.
  [[nodiscard]] bool upkeep_is_due(bool somebody_waits) const noexcept;
  /// Does what is due. Errors: as checkpoint.
  Result<void> upkeep();
  /// Something was committed since the last checkpoint.
  [[nodiscard]] bool has_left_checkpoint() const noexcept { return appended_; }

  /// REQUIRES: not broken.
  [[nodiscard]] MDB_env* get() const noexcept { return env_.get(); }
  [[nodiscard]] MDB_dbi database() const noexcept { return database_; }

  /// How much of the file is in use, as of the last commit. REQUIRES: nobody commits meanwhile.
  [[nodiscard]] std::uint64_t used_bytes() const noexcept;
  [[nodiscard]] std::uint64_t page_size() const noexcept;
  /// What Room keeps free of the map, in bytes.
  [[nodiscard]] std::uint64_t map_reserve() const noexcept;
  /// The file has grown so far that free pages count. REQUIRES: nobody commits meanwhile.
  [[nodiscard]] bool map_is_tight() const noexcept;

  /// As LmdbMetadataStore::copy_to.
  [[nodiscard]] Result<void> copy_to(const std::filesystem::path& file) const;

  /// What LMDB's `status` means here; `doing` is a verb phrase: "commit".
  [[nodiscard]] Error error(int status, std::string_view doing) const;

 private:
  struct Close {
    void operator()(MDB_env* env) const noexcept { mdb_env_close(env); }
  };
  struct Abort {
    void operator()(MDB_txn* transaction) const noexcept { mdb_txn_abort(transaction); }
  };
  using Reader = std::unique_ptr<MDB_txn, Abort>;

  Environment(std::filesystem::path folder, const LmdbOptions& options)
      : folder_(std::move(folder)), options_(options) {}
  Result<void> recover();
  Result<void> open_for_writing();
  Result<void> closed_unless(Result<void> opened) noexcept;
  void close() noexcept;
  Result<void> probe();
  [[nodiscard]] bool gave_up() const noexcept;
  Result<void> go_back_to_checkpoint();
  Result<void> open_lmdb();
  Result<bool> replay();
  Result<void> checkpoint_for(std::uint64_t next_append);
  [[nodiscard]] bool checkpoint_is_due() const noexcept;
  Result<void> begin_checkpoint();
  Result<void> end_checkpoint();
  void give_up_checkpoint() noexcept;
  [[nodiscard]] bool write_out_is_due() const noexcept;
  void begin_write_out() noexcept;
  Result<Reader> reader() const;
  Result<std::string> read_meta_pages(std::size_t size) const;
  [[nodiscard]] std::filesystem::path data_file() const { return folder_ / "data.mdb"; }
  [[nodiscard]] int cause_of(int status) const;
  static Result<void> advised(Result<void> done);

  const std::filesystem::path folder_;
  const LmdbOptions options_;
  std::unique_ptr<MDB_env, Close> env_;  // null: it could not be opened anew yet
  MDB_dbi database_ = 0;
  std::unique_ptr<Journal> journal_;  // null when it is read only
  std::optional<Growth> growth_;
  Reader pin_;    // at the last checkpoint, or before it: LMDB writes over nothing that it sees
  Reader spare_;  // the next pin: at a checkpoint that was begun, else at rest
  bool appended_ = false;  // since the last checkpoint
  bool needs_checkpoint_ = false;
  bool must_recover_ = false;            // what LMDB's file has on the disk is not known
  std::optional<std::size_t> in_doubt_;  // the transaction that was appended when LMDB gave up

  /// A checkpoint that was begun: from there on, records are not in it.
  struct Begun {
    Checkpoint checkpoint;
    Journal::Position end;
  };
  Begun begun_;
  std::future<int> flush_;  // of LMDB's file, while one is begun: its status. Goes before env_ does
  std::future<void> write_out_;             // the disk is told to begin. Goes before env_ does, too
  std::uint64_t appended_since_write_out_ = 0;  // bytes
};

}  // namespace slipway::lmdb
