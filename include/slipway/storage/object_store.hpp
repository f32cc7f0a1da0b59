// ObjectStore: the port for large, immutable byte strings.
//
// Bytes are staged under a name of the caller's, grow by appending, and are published under their
// final key: from then on they never change. A key stands for its bytes: whoever publishes it again
// has the same ones. Staged bytes that were persisted survive `kill -9`;
// published ones survive a power cut.
//
// Implementations: memory_object_store.hpp, and a folder (open_stores.hpp). Each passes
// tests/storage/object_store_contract.hpp.
//
// Keys and stage names are 1 to 200 characters of [A-Za-z0-9._-], not beginning with a dot; any
// other is invalid_argument.
//
// Thread safety: an ObjectStore may be used from any thread; a Stage or Object handle from one
// thread at a time, but Object::read_at from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>

namespace slipway {

/// A published object, open for reading. It stays readable after it was removed.
class Object {
 public:
  virtual ~Object() = default;

  [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;

  /// Fills `out` from `offset` on and answers how many bytes were read: fewer than out.size() only
  /// at the end. Errors: io.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;

  /// As read_at, for who reads all of it once: bytes that were not in memory before are not kept
  /// there, so that others' stay. Errors: io.
  virtual Result<std::size_t> read_once_at(std::uint64_t offset, std::span<std::byte> out) const {
    return read_at(offset, out);
  }

  /// A descriptor of the file that holds exactly these bytes, for servers that send from the page
  /// cache; owned by the Object. -1 where there is none.
  [[nodiscard]] virtual int file_descriptor() const noexcept { return -1; }
};

/// Bytes on their way. Destroying the handle keeps what was staged.
class Stage {
 public:
  virtual ~Stage() = default;

  [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;

  /// Adds to the end; when it returns, the bytes survive the process. Errors: io, quota_exceeded
  /// (no space); after an error size() is what was taken.
  virtual Result<void> append(std::span<const std::byte> bytes) = 0;

  /// As Object::read_at, of what was appended.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;

  /// Flushes the bytes, gives them their final key, flushes the folder, and ends the stage. An
  /// object that has the key already is replaced: it has the same bytes, or is damaged. Errors: io,
  /// quota_exceeded; the stage is then still there.
  virtual Result<void> publish(std::string_view key) = 0;

  /// Ends the stage and forgets its bytes. Errors: io.
  virtual Result<void> discard() = 0;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// A new, empty stage. Errors: already_exists, invalid_argument (name), io, quota_exceeded.
  virtual Result<std::unique_ptr<Stage>> begin_stage(std::string_view name) = 0;

  /// One that was begun earlier, also by an earlier process. Errors: not_found, io.
  virtual Result<std::unique_ptr<Stage>> open_stage(std::string_view name) = 0;

  struct StageInfo {
    std::string name;
    std::uint64_t size = 0;
    Timestamp modified{};
  };
  /// Calls `visit` for each stage there is, until it answers false. Errors: io.
  virtual Result<void> for_each_stage(const std::function<bool(const StageInfo&)>& visit) = 0;

  /// Errors: not_found, io.
  virtual Result<std::shared_ptr<const Object>> open(std::string_view key) = 0;

  /// True when it was there. Errors: io.
  virtual Result<bool> remove(std::string_view key) = 0;

  /// Keeps an object's bytes under a name of their own, apart from objects and stages, durably: for
  /// people to look at. The object stays. Errors: not_found, already_exists (name), io,
  /// quota_exceeded.
  virtual Result<void> set_aside(std::string_view key, std::string_view name) = 0;
  /// The same for bytes that are no object. Errors: already_exists, io, quota_exceeded.
  virtual Result<void> set_aside(std::span<const std::byte> bytes, std::string_view name) = 0;
  /// Errors: not_found, io.
  virtual Result<std::shared_ptr<const Object>> open_aside(std::string_view name) = 0;

  /// Calls `visit` for each published key, in no order, until it answers false. Errors: io.
  virtual Result<void> for_each(const std::function<bool(std::string_view key)>& visit) = 0;
};

}  // namespace slipway
