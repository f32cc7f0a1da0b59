#include "registry/upload_table.hpp"

#include <utility>

namespace slipway {

UploadTable::Turn::Turn(Turn&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)),
      upload_(std::move(other.upload_)),
      writer_(std::move(other.writer_)) {}

UploadTable::Turn::~Turn() {
  if (table_ != nullptr) table_->end_turn(upload_, nullptr);
}

void UploadTable::Turn::set_persisted(std::uint64_t size) {
  const std::lock_guard lock(table_->mutex_);
  table_->entries_[upload_].persisted = size;
}

void UploadTable::Turn::park(std::unique_ptr<BlobWriter> writer) {
  std::exchange(table_, nullptr)->end_turn(upload_, std::move(writer));
}

std::optional<UploadTable::Turn> UploadTable::take_turn(std::string upload) {
  std::unique_ptr<BlobWriter> writer;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[upload];
    if (entry.taken) return std::nullopt;
    entry.taken = true;
    if (entry.parked) {
      parked_.erase(entry.waiting);
      writer = std::move(entry.parked);
    }
  }
  return Turn(*this, std::move(upload), std::move(writer));
}

std::optional<std::uint64_t> UploadTable::persisted_size(const std::string& upload) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(upload);
  if (found == entries_.end()) return std::nullopt;
  return found->second.persisted;
}

void UploadTable::end_turn(const std::string& upload, std::unique_ptr<BlobWriter> writer) {
  std::unique_ptr<BlobWriter> dropped;  // destroyed after the lock: it may close files
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(upload);
  if (!writer) {
    entries_.erase(found);
    return;
  }
  Entry& entry = found->second;
  entry.taken = false;
  entry.persisted = writer->size();
  entry.parked = std::move(writer);
  entry.waiting = parked_.insert(parked_.end(), upload);
  if (parked_.size() > most_parked_) {
    const auto oldest = entries_.find(parked_.front());
    dropped = std::move(oldest->second.parked);
    entries_.erase(oldest);
    parked_.pop_front();
  }
}

}  // namespace slipway
