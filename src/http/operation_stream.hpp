// OperationStream: a long operation as the body of an answer, a line of JSON whenever it has come
// further, without a thread.
//
// Thread safety: as BodyStream.
#pragma once

#include <memory>
#include <string>

#include <slipway/http/message.hpp>
#include <slipway/registry/maintenance.hpp>

namespace slipway {

/// The first line tells how it stands, the last how it ended. `maintenance` must outlive it.
std::unique_ptr<BodyStream> make_operation_stream(Maintenance& maintenance, std::string id);

}  // namespace slipway
