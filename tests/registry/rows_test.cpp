#include <gtest/gtest.h>

#include <slipway/support/hasher.hpp>

#include "registry/rows.hpp"

namespace slipway::rows {
namespace {

TEST(ManifestRow, IsReadAsItWasWritten) {
  for (const bool with_subject : {false, true}) {
    ManifestRow row{1234,
                    "application/x",
                    {},
                    {digest_of("a"), digest_of("b", DigestAlgorithm::sha512)},
                    {}};
    if (with_subject) row.renewed_at = *parse_rfc3339("2026-11-24T09:05:03.007Z");
    if (with_subject) row.subject = digest_of("s", DigestAlgorithm::sha512);
    const std::string value = encode(row);
    const auto head = decode_head(value);
    ASSERT_TRUE(head.ok());
    EXPECT_EQ(head->size, 1234U);
    EXPECT_EQ(head->media_type, "application/x");
    EXPECT_EQ(head->subject, row.subject);
    EXPECT_EQ(head->renewed_at, row.renewed_at);
    EXPECT_TRUE(head->named.empty());
    EXPECT_EQ(decode(value)->named, row.named);
  }
}

TEST(ManifestRow, CutAnywhereIsCorruptOrShorter) {
  const std::string value =
      encode({1, "application/x", digest_of("s"), {digest_of("a"), digest_of("b")}, Timestamp{}});
  const std::size_t head_size = value.size() - 2 * 33;
  for (std::size_t size = 0; size < value.size(); ++size) {
    const auto row = decode(std::string_view(value).substr(0, size));
    const bool whole_parts = size >= head_size && (size - head_size) % 33 == 0;
    EXPECT_EQ(row.ok(), whole_parts) << size;
    if (!row) {
      EXPECT_EQ(row.error().code, ErrorCode::corrupt);
    }
  }
}

TEST(Keys, OfTheLongestNamesFit) {
  const std::string longest(RepositoryName::max_size, 'a');
  const RepositoryName repository = *RepositoryName::parse(longest);
  const Digest digest = digest_of("x", DigestAlgorithm::sha512);
  const std::string tag(Tag::max_size, 't');
  EXPECT_LE(tag_of_manifest(repository, digest, tag).str().size(), max_key_size);
  EXPECT_LE(named_by(repository, digest, digest).str().size(), max_key_size);
  EXPECT_LE(content_holder(digest, longest).str().size(), max_key_size);
}

}  // namespace
}  // namespace slipway::rows
