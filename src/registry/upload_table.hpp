// The uploads that this process works on: one writer at a time, and what it left for the next.
//
// Between its requests an upload's BlobWriter is parked here, so that the next chunk goes on
// without hashing again. Only so many are parked: the one that waits longest is dropped, which
// loses nothing, since a writer is persisted before it is parked.
//
// Thread safety: UploadTable from any thread; a Turn belongs to one thread at a time and must not
// outlive its table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include <slipway/storage/blob_store.hpp>

namespace slipway {

class UploadTable {
 public:
  explicit UploadTable(std::size_t most_parked) : most_parked_(most_parked) {}
  UploadTable(const UploadTable&) = delete;
  UploadTable& operator=(const UploadTable&) = delete;

  /// The right to write to one upload. Its end without park forgets the writer.
  class Turn {
   public:
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&&) = delete;
    ~Turn();

    /// The writer that was parked; null when there was none.
    std::unique_ptr<BlobWriter> take_writer() { return std::move(writer_); }
    /// What the turn starts from, for those who ask meanwhile.
    void set_persisted(std::uint64_t size);
    /// Ends the turn. REQUIRES: the writer is persisted.
    void park(std::unique_ptr<BlobWriter> writer);

   private:
    friend class UploadTable;
    Turn(UploadTable& table, std::string upload, std::unique_ptr<BlobWriter> writer)
        : table_(&table), upload_(std::move(upload)), writer_(std::move(writer)) {}

    UploadTable* table_;  // null once the turn has ended
    std::string upload_;
    std::unique_ptr<BlobWriter> writer_;
  };

  /// nullopt while another has the turn.
  std::optional<Turn> take_turn(std::string upload);

  /// The bytes that were persisted when the present turn began, or by the writer that is parked;
  /// nullopt when the table does not know the upload.
  [[nodiscard]] std::optional<std::uint64_t> persisted_size(const std::string& upload) const;

 private:
  struct Entry {
    bool taken = false;
    std::uint64_t persisted = 0;
    std::unique_ptr<BlobWriter> parked;
    std::list<std::string>::iterator waiting;  // its place in parked_, when parked
  };

  void end_turn(const std::string& upload, std::unique_ptr<BlobWriter> writer);

  const std::size_t most_parked_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;  // guarded by mutex_
  std::list<std::string> parked_;                   // guarded by mutex_; longest parked first
};

}  // namespace slipway
