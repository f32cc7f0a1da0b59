// Transaction: LMDB's write transaction, through which the closures of one group write in turn.
//
// Thread safety: one thread, the one that began it.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

#include "lmdb/environment.hpp"
#include "lmdb/room.hpp"
#include "lmdb/view.hpp"

namespace slipway::lmdb {

class Transaction final : public View<WriteTransaction> {
 public:
  /// `log` gets the changes, for a journal; it is the transaction's alone until that goes.
  Transaction(const Environment& environment, std::string& log)
      : View(environment, nullptr), log_(log) {}
  /// Aborts what was not committed.
  ~Transaction() override;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Errors: io, corrupt.
  Result<void> begin();

  /// Runs one closure. Errors: the closure's; internal (it threw); what LMDB refused, also where
  /// the closure ignored that; quota_exceeded (there is no room for what it wrote).
  Result<void> run(const MetadataStore::Write& closure);

  Result<void> put(std::string_view key, std::string_view value) override;
  Result<bool> erase(std::string_view key) override;
  void notify(std::string_view topic) override { topics_.emplace_back(topic); }

  /// An upper bound of the bytes that the commit adds to LMDB's file: each change may copy a page of
  /// each level of the tree and split some.
  [[nodiscard]] std::uint64_t most_growth() const noexcept;

  /// What last_transaction() is once it is committed. REQUIRES: it has begun.
  [[nodiscard]] std::size_t id() const noexcept { return mdb_txn_id(transaction_); }

  void abort() noexcept;
  /// Into the page cache. Nothing was kept when it fails. Errors: quota_exceeded, io.
  Result<void> commit();

  /// How many changes there were.
  [[nodiscard]] std::uint64_t changes() const noexcept { return edits_; }
  /// Why LMDB refused a change; the transaction can then only be aborted.
  [[nodiscard]] const std::optional<Error>& broken() const noexcept { return broken_; }
  [[nodiscard]] const std::vector<std::string>& topics() const noexcept { return topics_; }

 private:
  [[nodiscard]] const std::uint64_t* edits() const noexcept override { return &edits_; }
  Error break_off(int status, std::string_view doing);

  std::string& log_;
  std::uint64_t edits_ = 0;
  Room room_;
  std::optional<Error> broken_;
  std::vector<std::string> topics_;
};

}  // namespace slipway::lmdb
