// The rows of a blob: `bi`, that it is there, how large and where its bytes are; `bc`, the bytes of
// one that lies in the metadata store. They are two rows so that bytes of max_value_size fit, and
// so that renewing a lease does not write the bytes again. key_space.hpp has their form.
//
// renewed_at is when somebody last relied on the blob: its lease, which keeps a blob that nothing
// refers to yet from being collected.
//
// Thread safety: functions of a view or a transaction of the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/digest.hpp>
#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

enum class BlobPlace : std::uint8_t { value = 1, object = 2 };

struct BlobRecord {
  std::uint64_t size = 0;  // bytes
  BlobPlace place = BlobPlace::value;
  Timestamp renewed_at{};
};

/// nullopt: there is no such blob. Errors: io, corrupt.
Result<std::optional<BlobRecord>> find_record(const ReadView& view, const Digest& digest);

/// The bytes of a blob that lies in the metadata store; nullopt for any other. Errors: io.
Result<std::optional<std::string_view>> find_content(const ReadView& view, const Digest& digest);

/// Errors: io, corrupt (the record says that they are there).
Result<std::string_view> read_content(const ReadView& view, const Digest& digest,
                                      const BlobRecord& record);

/// A new blob, which is counted (totals.hpp). Errors: io.
Result<void> insert_record(WriteTransaction& transaction, const Digest& digest,
                           const BlobRecord& record);
/// The record of a blob that is there. Errors: io.
Result<void> update_record(WriteTransaction& transaction, const Digest& digest,
                           const BlobRecord& record);

/// Renews the lease of a blob that is there, or writes it as a value. Errors: too_large, io.
Result<void> write_value(WriteTransaction& transaction, const Digest& digest,
                         std::string_view bytes, Timestamp now);

/// Both rows of a blob that is there with this record. Errors: io.
Result<void> erase_rows(WriteTransaction& transaction, const Digest& digest,
                        const BlobRecord& record);

/// The key under which an ObjectStore has a blob.
std::string object_key(const Digest& digest);

/// The digest whose object has this key; nullopt for a key that is none of a blob's.
std::optional<Digest> digest_of_object(std::string_view key);

}  // namespace slipway
