// BlobRecord: the row that says that a blob is there, how large, and where its bytes are.
//
// Its form is that of key_space.hpp, `bi`. renewed_at is when somebody last relied on the blob: its
// lease, which keeps a blob that nothing refers to yet from being collected.
//
// Thread safety: plain values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>

namespace slipway {

enum class BlobPlace : std::uint8_t { value = 1, object = 2 };

struct BlobRecord {
  std::uint64_t size = 0;  // bytes
  BlobPlace place = BlobPlace::value;
  Timestamp renewed_at{};
};

std::string to_row(const BlobRecord& record);

/// Errors: corrupt.
Result<BlobRecord> parse_blob_record(std::string_view row);

}  // namespace slipway
