// Environment: LMDB's environment and its one database, owned; and LMDB's errors as ours.
//
// Thread safety: any thread may begin transactions.
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

  Environment(MDB_env* env, std::filesystem::path folder) : env_(env), folder_(std::move(folder)) {}

  std::unique_ptr<MDB_env, Close> env_;
  const std::filesystem::path folder_;
  MDB_dbi database_ = 0;
};

}  // namespace slipway::lmdb
