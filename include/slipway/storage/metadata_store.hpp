// MetadataStore: the port for small, ordered, transactional data.
//
// Keys are byte strings of 1 to 511 bytes in memcmp order, values byte strings of at most 4 MiB.
// Readers see a snapshot and never wait for writers. A write is a closure over a transaction; it is
// durable when `write` returns, and concurrent writers share the flush that makes it so.
//
// Implementations: memory_metadata_store.hpp (tests, embedders), LMDB (open_stores.hpp). Each
// passes tests/storage/metadata_store_contract.hpp.
//
// Thread safety: a MetadataStore may be used from any thread. A snapshot or transaction belongs to
// one thread at a time and must not outlive its store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

namespace slipway {

class Sealer;  // slipway/support/sealer.hpp

inline constexpr std::size_t max_key_size = 511;
inline constexpr std::size_t max_value_size = std::size_t{4} * 1024 * 1024;

/// Walks keys in memcmp order, upwards and downwards. The views it gives stay valid until it moves,
/// or, in a transaction, until the next put or erase; it then goes on from the key it stood on,
/// whether that is still there or not. After a movement that answered false it stands nowhere, and
/// next and previous answer false until a seek. It must not outlive its snapshot or transaction.
class Cursor {
 public:
  virtual ~Cursor() = default;

  /// Goes to the first key that is not below `key`, which may be of any size. False: there is none. Errors: io, corrupt.
  virtual Result<bool> seek(std::string_view key) = 0;
  /// Goes to the last key that is below `key`. False: there is none. Errors: io, corrupt.
  virtual Result<bool> seek_before(std::string_view key) = 0;
  /// The next key. False: that was the last. Errors: io, corrupt.
  virtual Result<bool> next() = 0;
  /// The key before. False: that was the first. Errors: io, corrupt.
  virtual Result<bool> previous() = 0;

  /// REQUIRES: the last movement answered true.
  [[nodiscard]] virtual std::string_view key() const = 0;
  [[nodiscard]] virtual std::string_view value() const = 0;
};

/// What can be read: a snapshot, or a transaction with its own writes.
class ReadView {
 public:
  virtual ~ReadView() = default;

  /// The value, or nullopt. The view stays valid as long as the snapshot does, or, in a
  /// transaction, until the next put or erase. Errors: invalid_argument (key size), io, corrupt.
  virtual Result<std::optional<std::string_view>> get(std::string_view key) const = 0;

  /// Several gets in one call: one round trip where the store is remote. values.size() must be
  /// keys.size(). Errors: as get.
  virtual Result<void> get_many(std::span<const std::string_view> keys,
                                std::span<std::optional<std::string_view>> values) const = 0;

  /// Errors: io.
  virtual Result<std::unique_ptr<Cursor>> cursor() const = 0;
};

class WriteTransaction : public ReadView {
 public:
  /// Inserts or replaces. Errors: invalid_argument (key size), too_large (value size), io.
  virtual Result<void> put(std::string_view key, std::string_view value) = 0;

  /// True when the key was there. Errors: invalid_argument (key size), io.
  virtual Result<bool> erase(std::string_view key) = 0;

  /// After the commit is durable, everyone who subscribed to `topic` is called.
  virtual void notify(std::string_view topic) = 0;
};

/// Ends with its destruction; after that its callback is not running and will not run.
/// Destroying it from within its own callback is allowed.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class MetadataStore {
 public:
  /// What to write. It runs once or more often, on any thread, possibly in one transaction with
  /// others' closures, each seeing what those before it wrote. It does no I/O of its own, takes no
  /// lock that someone holds while waiting for `write`, and sets its results afresh each time it
  /// runs. When it answers an error, nothing of it is kept.
  using Write = std::function<Result<void>(WriteTransaction&)>;

  virtual ~MetadataStore() = default;

  /// A consistent view of the present. Cheap where reads_may_block() is false: no lock that a
  /// writer holds, no allocation in the steady state. Do not keep one for long: it holds back the
  /// reuse of space. Errors: unavailable (too many snapshots), io.
  virtual Result<std::unique_ptr<ReadView>> snapshot() = 0;

  /// Runs the closure and makes what it wrote durable before it returns.
  /// Errors: the closure's own; quota_exceeded (the store is full), io (nothing was written).
  virtual Result<void> write(const Write& closure) = 0;

  /// Called once, with what `write` would have answered. It is quick, and neither writes nor throws.
  using Done = std::function<void(Result<void>)>;

  /// As write, but does not wait where another thread's write carries this one along: `done` then
  /// runs on that thread. Else it runs within this call, which may block as write does.
  virtual void write_then(Write closure, Done done) { done(write(closure)); }

  /// `callback` runs after each commit that notified `topic`, on a thread of the store: it must be
  /// quick, must not block and must not write. Several commits may be told in one call.
  virtual std::unique_ptr<Subscription> subscribe(std::string_view topic,
                                                  std::function<void()> callback) = 0;

  /// False: point reads are memory reads and may run on an I/O thread.
  [[nodiscard]] virtual bool reads_may_block() const noexcept = 0;

  /// What seals the store's secrets, so that whoever reads its bytes on a disk or in a backup does
  /// not have them. The same for the store's whole life.
  [[nodiscard]] virtual const Sealer& sealer() const noexcept = 0;

  /// For measurements: commits that were made durable, and closures that they carried.
  struct Counts {
    std::uint64_t commits = 0;
    std::uint64_t writes = 0;
  };
  [[nodiscard]] virtual Counts counts() const noexcept = 0;
};

}  // namespace slipway
