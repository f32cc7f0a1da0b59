// A folder that an earlier version wrote is still read: tests/data/format-<n> are such folders.
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

#include "storage/sealed_rows.hpp"
#include "tests/storage/object_testing.hpp"
#include "tests/stores/format_content.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {

namespace {

class Format : public testing::TestWithParam<int> {};

TEST_P(Format, IsReadAndWritten) {
  const TemporaryFolder temporary;
  const auto folder = temporary.path() / "data";
  std::filesystem::copy(SLIPWAY_TEST_FOLDER "/../data/format-" + std::to_string(GetParam()), folder,
                        std::filesystem::copy_options::recursive);
  ManualClock clock(Timestamp(std::chrono::sys_days(std::chrono::January / 3 / 2026)));
  const std::string small = format_small_blob;
  const std::string large = format_large_blob();
  for (int round = 0; round < 2; ++round) {
    const auto stores = open_stores(folder);
    ASSERT_TRUE(succeeded(stores));
    BlobStore blobs((*stores)->metadata(), (*stores)->objects(), clock);
    EXPECT_EQ(read((*stores)->metadata(), format_row_key), format_row_value);
    if (GetParam() >= 2) {
      const auto view = (*stores)->metadata().snapshot().value();
      EXPECT_EQ(sealed_rows::get(*view, (*stores)->metadata().sealer(), format_secret_key()).value(),
                format_secret);
    }
    EXPECT_EQ(blobs.read(digest_of(small), 1000).value(), small);
    EXPECT_TRUE(blobs.read(digest_of(large), 100000).value() == large);
    std::string lease;
    EXPECT_FALSE(blobs
                     .remove(digest_of(large),
                             [&](WriteTransaction&, const BlobInfo&, Timestamp at) {
                               lease = to_rfc3339(at);
                               return Result<bool>(false);
                             })
                     .value());
    EXPECT_EQ(lease, "2026-01-02T00:00:00.000Z");
    EXPECT_EQ(all_objects((*stores)->objects()).size(), 1U);

    if (round == 0) {
      const auto upload = blobs.resume(format_stage_name);
      ASSERT_TRUE(succeeded(upload));
      ASSERT_TRUE(succeeded((*upload)->append(bytes_of("and the second"))));
      const std::string whole = "the first half, and the second";
      ASSERT_TRUE(succeeded((*upload)->commit(digest_of(whole), {})));
    }
    EXPECT_TRUE(succeeded(blobs.stat(digest_of("the first half, and the second"))));
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Format, testing::Range(1, data_format_version + 1));

}  // namespace

}  // namespace slipway::test
