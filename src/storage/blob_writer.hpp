// StagedBlobWriter: the BlobWriter of BlobStore.
//
// While at most inline_limit bytes came, all of them are in memory, and the stage, if there is one,
// has those that were persisted. From then on all bytes are in the stage and none in memory.
//
// Thread safety: one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/storage/blob_store.hpp>
#include <slipway/support/hasher.hpp>

namespace slipway {

class StagedBlobWriter final : public BlobWriter {
 public:
  StagedBlobWriter(BlobStore::State& store, std::string_view stage_name, DigestAlgorithm algorithm);

  /// Takes over what was persisted under the stage's name. Errors: not_found, io.
  Result<void> open_stage();

  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }
  Result<void> append(std::span<const std::byte> bytes) override;
  Result<void> persist() override;
  Result<BlobInfo> commit(const Digest& expected, const BlobLink& link) override;
  void commit_then(const Digest& expected, BlobLink link,
                   std::function<void(Result<BlobInfo>)> done) override;
  Result<void> discard() override;

 private:
  [[nodiscard]] bool in_memory() const noexcept { return memory_.size() == size_; }
  /// Appends to the stage what only memory has; makes the stage where there is none.
  Result<void> spill();
  /// Updates `hasher` with all bytes. `keep`: also copies them into memory_.
  Result<void> read_back(Hasher& hasher, bool keep = false);
  Result<Digest> digest(DigestAlgorithm algorithm);
  /// What is committed, when it has the expected digest. Errors: digest_mismatch, io.
  Result<BlobInfo> check(const Digest& expected);
  void drop_stage() noexcept;
  Result<void> write_rows(WriteTransaction& transaction, const BlobInfo& info,
                          const BlobLink& link) const;
  Result<void> commit_object(const BlobInfo& info, const BlobLink& link);
  Result<bool> has_object(std::string_view key) const;

  BlobStore::State& store_;
  const std::string stage_name_;
  std::string memory_;
  std::unique_ptr<Stage> stage_;
  std::uint64_t size_ = 0;
  Hasher hasher_;
  std::optional<Digest> finished_;   // of all bytes; hasher_ has then started anew
  std::optional<Digest> published_;  // the bytes are an object now, and the stage is gone
};

}  // namespace slipway
