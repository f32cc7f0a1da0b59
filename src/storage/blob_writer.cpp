#include "storage/blob_writer.hpp"

#include <utility>
#include <vector>

#include "storage/blob_rows.hpp"
#include "storage/blob_store_state.hpp"
#include "storage/quarantine_rows.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

constexpr std::size_t read_back_size = std::size_t{256} * 1024;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

StagedBlobWriter::StagedBlobWriter(BlobStore::State& store, std::string_view stage_name,
                                   DigestAlgorithm algorithm)
    : store_(store), stage_name_(stage_name), hasher_(algorithm) {}

Result<void> StagedBlobWriter::open_stage() {
  SLIPWAY_TRY(stage_, store_.objects.open_stage(stage_name_));
  size_ = stage_->size();
  return read_back(hasher_, size_ <= store_.inline_limit);
}

Result<void> StagedBlobWriter::append(std::span<const std::byte> bytes) {
  if (published_)
    return Error(ErrorCode::conflict, "the blob is published already; commit it or begin another");
  if (finished_) {
    SLIPWAY_CHECK(read_back(hasher_));
    finished_.reset();
  }
  if (size_ + bytes.size() <= store_.inline_limit) {
    memory_.append(as_text(bytes));
    hasher_.update(bytes);
    size_ += bytes.size();
    return {};
  }

  SLIPWAY_CHECK(spill());
  Result<void> appended = stage_->append(bytes);
  const auto taken = bytes.first(static_cast<std::size_t>(stage_->size() - size_));
  hasher_.update(taken);
  size_ += taken.size();
  if (size_ <= store_.inline_limit)
    memory_.append(as_text(taken));  // the disk was full after the first few
  else
    std::string().swap(memory_);
  return appended;
}

Result<void> StagedBlobWriter::persist() {
  return published_ ? Result<void>() : spill();
}

Result<void> StagedBlobWriter::spill() {
  if (!stage_) {
    SLIPWAY_TRY(stage_, store_.objects.begin_stage(stage_name_));
  }
  if (stage_->size() == size_) return {};
  const std::string_view rest =
      std::string_view(memory_).substr(static_cast<std::size_t>(stage_->size()));
  return stage_->append(std::as_bytes(std::span(rest)));
}

Result<void> StagedBlobWriter::read_back(Hasher& hasher, bool keep) {
  if (in_memory()) {
    hasher.update(memory_);
    return {};
  }
  std::vector<std::byte> buffer(read_back_size);
  for (std::uint64_t offset = 0; offset < size_;) {
    SLIPWAY_TRY(const std::size_t count, stage_->read_at(offset, buffer));
    if (count == 0)
      return Error(ErrorCode::io, slipway::format("stage \"{}\" ends at {} of {} bytes",
                                                  stage_name_, offset, size_));
    const auto bytes = std::span(buffer).first(count);
    hasher.update(bytes);
    if (keep) memory_.append(as_text(bytes));
    offset += count;
  }
  return {};
}

Result<Digest> StagedBlobWriter::digest(DigestAlgorithm algorithm) {
  if (published_) return *published_;
  if (hasher_.algorithm() != algorithm) {
    Hasher other(algorithm);
    SLIPWAY_CHECK(read_back(other));
    return other.finish();
  }
  if (!finished_) finished_ = hasher_.finish();
  return *finished_;
}

Result<BlobInfo> StagedBlobWriter::check(const Digest& expected) {
  SLIPWAY_TRY(const Digest actual, digest(expected.algorithm()));
  if (actual != expected)
    return Error(ErrorCode::digest_mismatch,
                 slipway::format("the {} bytes that came are {}, not {} as promised", size_,
                                 actual.to_string(), expected.to_string()));
  return BlobInfo{expected, size_};
}

Result<BlobInfo> StagedBlobWriter::commit(const Digest& expected, const BlobLink& link) {
  SLIPWAY_TRY(const BlobInfo info, check(expected));
  const auto write = [&](WriteTransaction& transaction) {
    return write_rows(transaction, info, link);
  };
  SLIPWAY_CHECK(size_ <= store_.inline_limit ? store_.metadata.write(write)
                                             : commit_object(info, link));
  drop_stage();
  return info;
}

void StagedBlobWriter::commit_then(const Digest& expected, BlobLink link,
                                   std::function<void(Result<BlobInfo>)> done) {
  if (size_ > store_.inline_limit) return done(commit(expected, link));
  const auto info = check(expected);
  if (!info) return done(info.error());
  auto write = [this, info = *info, link = std::move(link)](WriteTransaction& transaction) {
    return write_rows(transaction, info, link);
  };
  store_.metadata.write_then(
      std::move(write), [this, info = *info, done = std::move(done)](Result<void> written) {
        if (!written) return done(std::move(written).error());
        drop_stage();
        done(info);  // the writer may be gone now
      });
}

/// One that is left behind harms nobody.
void StagedBlobWriter::drop_stage() noexcept {
  if (stage_) (void)stage_->discard();
  stage_.reset();
}

Result<void> StagedBlobWriter::write_rows(WriteTransaction& transaction, const BlobInfo& info,
                                          const BlobLink& link) const {
  SLIPWAY_CHECK(write_value(transaction, info.digest, memory_, store_.clock.now()));
  return link ? link(transaction, info) : Result<void>();
}

Result<void> StagedBlobWriter::commit_object(const BlobInfo& info, const BlobLink& link) {
  const DigestLocks::Guard guard(store_.locks, info.digest);
  const std::string key = object_key(info.digest);
  if (published_) {  // by an attempt that failed since: a collector may have found it without a row
    if (auto object = store_.objects.open(key); !object) {
      if (object.error().code != ErrorCode::not_found) return std::move(object).error();
      return Error(ErrorCode::unavailable,
                   slipway::format("blob {} was collected before it was linked; send it again",
                                   info.digest.to_string()));
    }
  } else {
    SLIPWAY_TRY(const auto view, store_.metadata.snapshot());
    SLIPWAY_TRY(const auto present, find_record(*view, info.digest));
    SLIPWAY_TRY(const bool whole, !present || present->place == BlobPlace::value
                                      ? Result<bool>(present.has_value())
                                      : has_object(key));
    if (!whole) {
      SLIPWAY_CHECK(stage_->publish(key));
      stage_.reset();
      published_ = info.digest;
    }
  }

  bool needed = false;
  const auto write_rows = [&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_TRY(auto record, find_record(transaction, info.digest));
    if (!record && !published_)
      return Error(ErrorCode::unavailable,
                   slipway::format("blob {} was removed while it was committed; try again",
                                   info.digest.to_string()));
    needed = !record || record->place == BlobPlace::object;
    if (record) {
      record->renewed_at = store_.clock.now();
      SLIPWAY_CHECK(update_record(transaction, info.digest, *record));
    } else {
      SLIPWAY_CHECK(end_quarantine(transaction, info.digest));
      SLIPWAY_CHECK(insert_record(transaction, info.digest,
                                  {info.size, BlobPlace::object, store_.clock.now()}));
    }
    return link ? link(transaction, info) : Result<void>();
  };
  SLIPWAY_CHECK(store_.metadata.write(write_rows));
  if (published_ && !needed) (void)store_.objects.remove(key);  // it became a value meanwhile
  return {};
}

/// Whether the object of a blob that is there is as large as it should be: one that was cut short or
/// is missing is published anew.
Result<bool> StagedBlobWriter::has_object(std::string_view key) const {
  const auto object = store_.objects.open(key);
  if (object) return (*object)->size() == size_;
  if (object.error().code == ErrorCode::not_found) return false;
  return object.error();
}

Result<void> StagedBlobWriter::discard() {
  memory_.clear();
  size_ = 0;
  hasher_ = Hasher(hasher_.algorithm());
  finished_.reset();
  published_.reset();
  const std::unique_ptr<Stage> stage = std::move(stage_);
  return stage ? stage->discard() : Result<void>();
}

}  // namespace slipway
