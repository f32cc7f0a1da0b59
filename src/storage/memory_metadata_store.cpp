#include <slipway/storage/memory_metadata_store.hpp>

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <slipway/support/sealer.hpp>

#include "storage/limits.hpp"
#include "storage/persistent_map.hpp"
#include "storage/run_closure.hpp"
#include "storage/topics.hpp"

namespace slipway {

namespace {

/// Finds its way by the key it stands on, so that it sees what a transaction changed meanwhile.
class MemoryCursor final : public Cursor {
 public:
  explicit MemoryCursor(const PersistentMap& rows) : rows_(rows) {}

  Result<bool> seek(std::string_view key) override { return stand_on(rows_.at_or_above(key)); }
  Result<bool> seek_before(std::string_view key) override { return stand_on(rows_.below(key)); }
  Result<bool> next() override { return entry_ != nullptr && stand_on(rows_.above(entry_->key)); }
  Result<bool> previous() override {
    return entry_ != nullptr && stand_on(rows_.below(entry_->key));
  }

  [[nodiscard]] std::string_view key() const override { return entry_->key; }
  [[nodiscard]] std::string_view value() const override { return entry_->value; }

 private:
  bool stand_on(PersistentMap::EntryPointer entry) {
    entry_ = std::move(entry);
    return entry_ != nullptr;
  }

  const PersistentMap& rows_;
  PersistentMap::EntryPointer entry_;
};

/// A snapshot or a transaction: the same but for who may change its rows. Base is the interface.
template <class Base>
class MemoryView : public Base {
 public:
  explicit MemoryView(PersistentMap rows) : rows_(std::move(rows)) {}

  Result<std::optional<std::string_view>> get(std::string_view key) const override {
    SLIPWAY_CHECK(check_key(key));
    const PersistentMap::EntryPointer entry = rows_.find(key);
    if (!entry) return std::optional<std::string_view>();
    return std::optional<std::string_view>(entry->value);
  }

  Result<void> get_many(std::span<const std::string_view> keys,
                        std::span<std::optional<std::string_view>> values) const override {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      SLIPWAY_TRY(values[i], get(keys[i]));
    }
    return {};
  }

  Result<std::unique_ptr<Cursor>> cursor() const override {
    return std::unique_ptr<Cursor>(std::make_unique<MemoryCursor>(rows_));
  }

 protected:
  PersistentMap rows_;
};

class MemoryTransaction final : public MemoryView<WriteTransaction> {
 public:
  using MemoryView::MemoryView;

  Result<void> put(std::string_view key, std::string_view value) override {
    SLIPWAY_CHECK(check_key(key));
    SLIPWAY_CHECK(check_value(value));
    rows_.put(key, value);
    return {};
  }

  Result<bool> erase(std::string_view key) override {
    SLIPWAY_CHECK(check_key(key));
    return rows_.erase(key);
  }

  void notify(std::string_view topic) override { topics_.emplace_back(topic); }

  [[nodiscard]] const PersistentMap& rows() const noexcept { return rows_; }
  [[nodiscard]] const std::vector<std::string>& topics() const noexcept { return topics_; }

 private:
  std::vector<std::string> topics_;
};

class MemoryMetadataStore final : public MetadataStore {
 public:
  Result<std::unique_ptr<ReadView>> snapshot() override {
    return std::unique_ptr<ReadView>(std::make_unique<MemoryView<ReadView>>(rows()));
  }

  Result<void> write(const Write& closure) override {
    const std::lock_guard lock(writer_mutex_);
    MemoryTransaction transaction(rows());
    SLIPWAY_CHECK(run_closure(closure, transaction));
    {
      const std::lock_guard rows_lock(rows_mutex_);
      rows_ = transaction.rows();
    }
    commits_.fetch_add(1, std::memory_order_relaxed);
    topics_.publish(transaction.topics());
    return {};
  }

  std::unique_ptr<Subscription> subscribe(std::string_view topic,
                                          std::function<void()> callback) override {
    return topics_.subscribe(topic, std::move(callback));
  }

  [[nodiscard]] bool reads_may_block() const noexcept override { return false; }

  [[nodiscard]] const Sealer& sealer() const noexcept override { return sealer_; }

  [[nodiscard]] Counts counts() const noexcept override {
    const std::uint64_t commits = commits_.load(std::memory_order_relaxed);
    return {commits, commits};
  }

 private:
  PersistentMap rows() const {
    const std::lock_guard lock(rows_mutex_);
    return rows_;
  }

  std::mutex writer_mutex_;        // held while a closure runs
  mutable std::mutex rows_mutex_;  // held to copy or replace rows_, never while a closure runs
  PersistentMap rows_;             // guarded by rows_mutex_
  std::atomic<std::uint64_t> commits_{0};
  Topics topics_;
  const Sealer sealer_ = Sealer::ephemeral();
};

}  // namespace

std::unique_ptr<MetadataStore> make_memory_metadata_store() {
  return std::make_unique<MemoryMetadataStore>();
}

}  // namespace slipway
