// Usage: make_format_folder FOLDER
// Writes a data folder as this version writes them, with the content of format_content.hpp. Commit
// it as tests/data/format-<n> without LOCK and metadata/lock.mdb, once for each format.
#include <cstdio>
#include <filesystem>

#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>

#include "storage/sealed_rows.hpp"
#include "tests/stores/format_content.hpp"

namespace {

using namespace slipway;

Result<void> make(const std::filesystem::path& folder) {
  SLIPWAY_TRY(const auto stores, open_stores(folder));
  ManualClock clock(Timestamp(std::chrono::sys_days(std::chrono::January / 2 / 2026)));
  BlobStore blobs(stores->metadata(), stores->objects(), clock);
  SLIPWAY_CHECK(blobs.put(test::format_small_blob));
  SLIPWAY_CHECK(blobs.put(test::format_large_blob()));
  const std::string_view staged = test::format_staged_bytes;
  SLIPWAY_TRY(const auto stage, stores->objects().begin_stage(test::format_stage_name));
  SLIPWAY_CHECK(stage->append(std::as_bytes(std::span(staged))));
  const Sealer& sealer = stores->metadata().sealer();
  return stores->metadata().write([&](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(transaction.put(test::format_row_key, test::format_row_value));
    return sealed_rows::put(transaction, sealer, test::format_secret_key(), test::format_secret);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: make_format_folder FOLDER\n", stderr);
    return 2;
  }
  const auto made = make(argv[1]);
  if (!made) std::fprintf(stderr, "%s\n", made.error().message.c_str());
  return made ? 0 : 1;
}
