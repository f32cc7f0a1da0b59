#include "stores/object_rows.hpp"

#include <slipway/core/digest.hpp>

#include "storage/blob_rows.hpp"
#include "storage/key_space.hpp"

namespace slipway {

Result<void> for_each_object_row(MetadataStore& metadata,
                                 const std::function<Result<void>(const std::string& key)>& visit) {
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  SLIPWAY_TRY(const auto cursor, view->cursor());
  SLIPWAY_TRY(bool found, cursor->seek(key_space::blob));
  while (found && cursor->key().starts_with(key_space::blob)) {
    const auto digest = Digest::from_binary(cursor->key().substr(key_space::blob.size()));
    if (digest) {  // else it is the row of a blob's bytes
      SLIPWAY_TRY(const auto record, find_record(*view, *digest));
      if (record && record->place == BlobPlace::object) SLIPWAY_CHECK(visit(object_key(*digest)));
    }
    SLIPWAY_TRY(found, cursor->next());
  }
  return {};
}

}  // namespace slipway
