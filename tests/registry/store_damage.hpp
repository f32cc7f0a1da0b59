// Damages what a store has, as a disk would: behind the store's back.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include <slipway/storage/blob_store.hpp>

#include "storage/blob_rows.hpp"
#include "storage/key_space.hpp"

namespace slipway::test {

/// Of the row that has a small blob's bytes.
inline std::string content_key(const Digest& digest) {
  return key_space::Key(key_space::blob).digest(digest).text(key_space::blob_content).str();
}

/// Flips one bit of a blob, wherever its bytes lie.
inline void flip_a_bit(BlobStore& blobs, const Digest& digest) {
  auto bytes = blobs.read(digest, std::uint64_t{1} << 30U);
  ASSERT_TRUE(bytes.ok());
  (*bytes)[bytes->size() / 2] ^= 0x10;
  const std::string row = content_key(digest);
  bool value = false;
  ASSERT_TRUE(blobs.metadata()
                  .write([&](WriteTransaction& transaction) -> Result<void> {
                    SLIPWAY_TRY(const auto present, transaction.get(row));
                    value = present.has_value();
                    return value ? transaction.put(row, *bytes) : Result<void>();
                  })
                  .ok());
  if (value) return;
  const std::string key = object_key(digest);
  ASSERT_TRUE(blobs.objects().remove(key).value());
  auto stage = blobs.objects().begin_stage("damage");
  ASSERT_TRUE(stage.ok());
  ASSERT_TRUE((*stage)->append(std::as_bytes(std::span(*bytes))).ok());
  ASSERT_TRUE((*stage)->publish(key).ok());
}

/// All bytes of what was set aside.
inline std::string bytes_aside(BlobStore& blobs, const std::string& name) {
  const auto object = blobs.objects().open_aside(name);
  EXPECT_TRUE(object.ok());
  if (!object) return "";
  std::string bytes((*object)->size(), '\0');
  EXPECT_EQ((*object)->read_at(0, std::as_writable_bytes(std::span(bytes))).value(), bytes.size());
  return bytes;
}

}  // namespace slipway::test
