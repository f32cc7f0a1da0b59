// An ObjectStore in memory, for tests and for embedders that want nothing on disk.
//
// It keeps the port's contract but durability: it is gone with the process.
#pragma once

#include <memory>

#include <slipway/storage/object_store.hpp>

namespace slipway {

std::unique_ptr<ObjectStore> make_memory_object_store();

}  // namespace slipway
