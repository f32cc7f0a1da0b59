// LogStream: a build's log as the body of an answer, live if wanted, without a thread.
//
// Thread safety: as BodyStream.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <slipway/build/build_queue.hpp>
#include <slipway/build/log_store.hpp>
#include <slipway/http/message.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway {

/// The bytes from `offset` on. With `follow` it ends when the build has, and wakes on
/// `build/<id>`; else it ends where the log does now. All must outlive the stream.
std::unique_ptr<BodyStream> make_log_stream(MetadataStore& metadata, BuildQueue& queue,
                                            LogStore& logs, std::string build, std::uint64_t offset,
                                            bool follow);

}  // namespace slipway
