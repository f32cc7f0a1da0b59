// A MetadataStore in memory, for tests and for embedders that want nothing on disk.
//
// It keeps the port's contract but durability: it is gone with the process.
#pragma once

#include <memory>

#include <slipway/storage/metadata_store.hpp>

namespace slipway {

std::unique_ptr<MetadataStore> make_memory_metadata_store();

}  // namespace slipway
