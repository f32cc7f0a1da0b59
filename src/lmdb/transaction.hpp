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
  explicit Transaction(const Environment& environment) : View(environment, nullptr) {}
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

  /// Makes everything durable; nothing was kept when it fails, unless the environment is broken by
  /// it: then its last transaction tells once it was opened anew. Errors: quota_exceeded, io.
  Result<void> commit();
  /// Also of one that was committed.
  [[nodiscard]] std::size_t id() const noexcept { return id_; }

  /// How many changes there were.
  [[nodiscard]] std::uint64_t changes() const noexcept { return edits_; }
  /// Why LMDB refused a change; the transaction can then only be aborted.
  [[nodiscard]] const std::optional<Error>& broken() const noexcept { return broken_; }
  [[nodiscard]] const std::vector<std::string>& topics() const noexcept { return topics_; }

 private:
  [[nodiscard]] const std::uint64_t* edits() const noexcept override { return &edits_; }
  Error break_off(int status, std::string_view doing);

  std::size_t id_ = 0;
  std::uint64_t edits_ = 0;
  Room room_;
  std::optional<Error> broken_;
  std::vector<std::string> topics_;
};

}  // namespace slipway::lmdb
