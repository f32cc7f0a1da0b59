#include "registry/registry_totals.hpp"

#include "registry/rows.hpp"
#include "storage/blob_rows.hpp"
#include "storage/row_walk.hpp"
#include "storage/totals.hpp"

namespace slipway {
namespace {

Result<std::int64_t> count_rows(const ReadView& view, std::string_view prefix) {
  std::int64_t count = 0;
  SLIPWAY_CHECK(each_row(view, prefix, [&count](const Cursor&) -> Result<bool> {
    ++count;
    return true;
  }));
  return count;
}

Result<void> count_blobs(WriteTransaction& transaction) {
  std::int64_t count = 0;
  std::int64_t bytes = 0;
  SLIPWAY_CHECK(each_row(transaction, key_space::blob, [&](const Cursor& row) -> Result<bool> {
    if (Digest::from_binary(row.key().substr(key_space::blob.size()))) {
      ++count;  // else it is the row of a blob's bytes
      bytes += static_cast<std::int64_t>(key_space::read_number(row.value()));
    }
    return true;
  }));
  return totals::add(transaction, totals::blobs, count, bytes);
}

}  // namespace

Result<RegistryTotals> read_totals(MetadataStore& metadata) {
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  SLIPWAY_TRY(const auto repositories, totals::read(*view, totals::repositories));
  SLIPWAY_TRY(const auto tags, totals::read(*view, totals::tags));
  SLIPWAY_TRY(const auto manifests, totals::read(*view, totals::manifests));
  SLIPWAY_TRY(const auto blobs, totals::read(*view, totals::blobs));
  return RegistryTotals{repositories.count, tags.count, manifests.count, blobs.count, blobs.bytes};
}

Result<void> count_what_was_not_counted(MetadataStore& metadata) {
  {
    SLIPWAY_TRY(const auto view, metadata.snapshot());
    SLIPWAY_TRY(const bool counted, rows::any(*view, key_space::total));
    SLIPWAY_TRY(const bool blobs, rows::any(*view, key_space::blob));
    SLIPWAY_TRY(const bool repositories, rows::any(*view, key_space::repository));
    if (counted || (!blobs && !repositories)) return {};
  }
  return metadata.write([](WriteTransaction& transaction) -> Result<void> {
    SLIPWAY_CHECK(count_blobs(transaction));
    for (const auto& [kind, prefix] : {std::pair(totals::repositories, key_space::repository),
                                       std::pair(totals::tags, key_space::tag),
                                       std::pair(totals::manifests, key_space::manifest)}) {
      SLIPWAY_TRY(const std::int64_t count, count_rows(transaction, prefix));
      SLIPWAY_CHECK(totals::add(transaction, kind, count));
    }
    return {};
  });
}

}  // namespace slipway
