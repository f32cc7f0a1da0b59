// Environment: LMDB's environment and its one database, owned; and LMDB's errors as ours.
//
// When a meta page could not be written, LMDB refuses every transaction from then on, of readers
// too, until it is opened anew: see reopen().
//
// Thread safety: any thread may begin transactions; reopen() when there are none.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include <slipway/core/result.hpp>

#include "lmdb/lmdb_metadata_store.hpp"

namespace slipway::lmdb {

class Environment {
 public:
  /// Errors: io, corrupt, quota_exceeded.
  static Result<std::unique_ptr<Environment>> open(const std::filesystem::path& folder,
                                                   const LmdbOptions& options);

  /// Opens it anew, which flushes what LMDB left in the page cache. It is broken until that has
  /// succeeded; it may be tried again. REQUIRES: no transaction is there, at rest or not. Errors: as
  /// open.
  Result<void> reopen();
  /// LMDB refuses all transactions. REQUIRES: no write transaction is there.
  [[nodiscard]] bool broken() const noexcept;
  /// The id of the last transaction that is durable.
  [[nodiscard]] std::size_t last_transaction() const noexcept;

  /// REQUIRES: not broken.
  [[nodiscard]] MDB_env* get() const noexcept { return env_.get(); }
  [[nodiscard]] MDB_dbi database() const noexcept { return database_; }

  /// How much of the file is in use, as of the last commit. REQUIRES: nobody commits meanwhile.
  [[nodiscard]] std::uint64_t used_bytes() const noexcept;

  /// As LmdbMetadataStore::copy_to.
  [[nodiscard]] Result<void> copy_to(const std::filesystem::path& file) const;

  /// What LMDB's `status` means here; `doing` is a verb phrase: "commit".
  [[nodiscard]] Error error(int status, std::string_view doing) const;

 private:
  struct Close {
    void operator()(MDB_env* env) const noexcept { mdb_env_close(env); }
  };

  Environment(std::filesystem::path folder, const LmdbOptions& options)
      : folder_(std::move(folder)), options_(options) {}
  Result<void> open_once();
  [[nodiscard]] int cause_of(int status) const;

  std::unique_ptr<MDB_env, Close> env_;  // null: it could not be opened anew yet
  const std::filesystem::path folder_;
  const LmdbOptions options_;
  MDB_dbi database_ = 0;
};

}  // namespace slipway::lmdb
