// LMDB stores in temporary folders.
#pragma once

#include <memory>
#include <utility>

#include "lmdb/lmdb_metadata_store.hpp"
#include "tests/storage/store_testing.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {

inline std::unique_ptr<MetadataStore> open_lmdb(const TemporaryFolder& folder,
                                                const LmdbOptions& options = {}) {
  auto store = open_lmdb_metadata_store(folder.path(), options);
  EXPECT_TRUE(succeeded(store));
  return std::move(store).value();
}

}  // namespace slipway::test
