// How LMDB is opened: at the journal's checkpoint, with the journal's changes made again.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "lmdb/changes.hpp"
#include "lmdb/environment.hpp"
#include "lmdb/replay.hpp"
#include "support/file.hpp"
#include "support/format.hpp"

namespace slipway::lmdb {
namespace {

constexpr std::string_view journal_file_name = "journal";

/// LMDB writes its two meta pages into a new file and flushes them later; when only parts of them
/// reached the disk, it takes the file for none of its own. Nothing was committed yet, so the journal
/// has nothing either.
Result<void> remove_half_made(const std::filesystem::path& data, const std::filesystem::path& journal) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(data, error);
  if (!error && size > 2 * static_cast<std::uintmax_t>(sysconf(_SC_PAGESIZE))) return {};
  for (const auto& file : {data, journal}) {
    std::filesystem::remove(file, error);
    if (error) return files::file_error(error.value(), "remove", file);
  }
  return {};
}

/// LMDB's magic number and version never change in either page, whatever a power cut left of the rest.
bool are_metas_of_one_file(std::string_view some, std::string_view others) {
  constexpr std::size_t head = 16;
  constexpr std::size_t constant = 8;
  const std::size_t page = others.size() / 2;
  for (const std::size_t begin : {head, page + head})
    if (some.substr(begin, constant) != others.substr(begin, constant)) return false;
  return true;
}

}  // namespace

Result<std::unique_ptr<Environment>> Environment::open(const std::filesystem::path& folder,
                                                       const LmdbOptions& options) {
  std::unique_ptr<Environment> environment(new Environment(folder, options));
  if (options.is_new)
    SLIPWAY_CHECK(remove_half_made(environment->data_file(), folder / journal_file_name));
  if (options.read_only) {
    SLIPWAY_CHECK(environment->open_lmdb());
    return environment;
  }
  SLIPWAY_TRY(environment->journal_,
              Journal::open(folder / journal_file_name, options.has_journal));
  SLIPWAY_CHECK(environment->recover());
  const bool stands_at_checkpoint =
      !environment->appended_ && environment->journal_->checkpoint() != nullptr;
  if (!stands_at_checkpoint) SLIPWAY_CHECK(environment->checkpoint());
  environment->needs_checkpoint_ = false;
  return environment;
}

/// So that the next opening has nothing to do; it does it where this fails.
Environment::~Environment() {
  if (appended_ && !broken()) (void)checkpoint();
}

Result<void> Environment::recover() {
  SLIPWAY_CHECK(go_back_to_checkpoint());
  SLIPWAY_CHECK(open_for_writing());
  SLIPWAY_TRY(appended_, replay());
  return {};
}

/// Keeps what LMDB has now. That may not be the journal's checkpoint, and one that could not be noted
/// down may be in the journal all the same: the next comes before the next commit.
Result<void> Environment::open_for_writing() {
  needs_checkpoint_ = true;
  SLIPWAY_CHECK(open_lmdb());
  SLIPWAY_TRY(pin_, reader());
  SLIPWAY_TRY(spare_, reader());
  mdb_txn_reset(spare_.get());
  return {};
}

Result<void> Environment::go_back_to_checkpoint() {
  const Checkpoint* checkpoint = journal_->checkpoint();
  if (checkpoint == nullptr) return {};
  const std::filesystem::path path = data_file();
  SLIPWAY_TRY(const files::Descriptor file, files::open_file(path, O_RDWR));
  SLIPWAY_TRY(const std::uint64_t size, files::file_size(file, path));
  if (size < checkpoint->used_bytes)
    return Error(ErrorCode::corrupt,
                 slipway::format("{} has {} bytes where its journal knows of {}; restore the folder "
                                 "from a backup",
                                 path.native(), size, checkpoint->used_bytes));
  SLIPWAY_TRY(const std::string present, read_meta_pages(checkpoint->meta_pages.size()));
  if (present == checkpoint->meta_pages) return {};
  if (!are_metas_of_one_file(present, checkpoint->meta_pages))
    return Error(ErrorCode::corrupt,
                 slipway::format("{} is not LMDB's; restore the folder from a backup",
                                 path.native()));
  std::uint64_t begin = 0;
  return files::write_at(file, path, begin, std::as_bytes(std::span(checkpoint->meta_pages)));
}

/// Whether there was something.
Result<bool> Environment::replay() {
  Replay changes(env_.get(), database_);
  bool some = false;
  const auto see = [&](const Change& change) -> Result<void> {
    some = true;
    const int status = changes.put_or_erase(change);
    if (status != 0) return error(status, "make the journal's changes again");
    return {};
  };
  SLIPWAY_CHECK(journal_->replay(
      [&](std::string_view record) { return for_each_change(record, see); }));
  if (const int status = changes.commit(); status != 0)
    return error(status, "make the journal's changes again");
  return some;
}

Result<void> Environment::reopen() {
  give_up_checkpoint();
  // Closing comes first: the lock file's table of readers is one for the process.
  if (must_recover_) {
    if (env_ != nullptr) SLIPWAY_CHECK(probe());
    close();
    in_doubt_.reset();
    SLIPWAY_CHECK(closed_unless(recover()));
    must_recover_ = false;
    return {};
  }
  close();
  SLIPWAY_CHECK(closed_unless(open_for_writing()));
  if (in_doubt_ && last_transaction() < *in_doubt_) journal_->take_back();
  in_doubt_.reset();
  return {};
}

/// What is lost already is no reason to close, and reading goes on until the disk takes writes again.
Result<void> Environment::probe() {
  SLIPWAY_CHECK(advised(journal_->probe()));
  const std::filesystem::path path = data_file();
  SLIPWAY_TRY(const files::Descriptor file, files::open_file(path, O_RDWR));
  return advised(files::sync_file(file, path));
}

Result<void> Environment::closed_unless(Result<void> opened) noexcept {
  if (!opened) close();
  return opened;
}

void Environment::close() noexcept {
  give_up_checkpoint();
  write_out_ = {};
  pin_.reset();
  spare_.reset();
  env_.reset();
}

}  // namespace slipway::lmdb
