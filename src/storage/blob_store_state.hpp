// What a BlobStore and its writers share.
#pragma once

#include <slipway/storage/blob_store.hpp>

#include "storage/digest_locks.hpp"

namespace slipway {

struct BlobStore::State {
  MetadataStore& metadata;
  ObjectStore& objects;
  Clock& clock;
  const std::size_t inline_limit;
  DigestLocks locks;
};

}  // namespace slipway
